"""The second factor: time-based one-time passwords (TOTP, RFC 6238) of six digits and 30 seconds."""

import hmac

import pyotp

ISSUER = "ParkBench"
STEP_S = 30
DRIFT_STEPS = 1  # a clock of the person may be so many steps off (RFC 6238, section 5.2)


def new_secret() -> str:
    """A fresh secret of 160 random bits in base32 (RFC 4226, section 4)."""
    return pyotp.random_base32()


def uri(secret: str, name: str) -> str:
    """The `otpauth` address that authenticator applications read."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def step_of(secret: str, code: str, last_step: int, now_ms: int) -> int | None:
    """The time step that a code belongs to, None for a wrong code.

    A code is good once only: steps up to `last_step`, the last one used, are refused (RFC 6238, section 5.2).
    """
    now_step = now_ms // 1000 // STEP_S
    totp = pyotp.TOTP(secret)
    found = None
    for step in range(now_step - DRIFT_STEPS, now_step + DRIFT_STEPS + 1):  # all of them, whichever fits
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode()) and step > last_step:
            found = step
    return found
