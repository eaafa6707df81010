"""Passwords: what they must be like, and argon2id (RFC 9106) to keep them."""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from contract.errors import PeerError

LENGTH_MIN = 12
LENGTH_MAX = 128
CLASSES_MIN = 3  # of lower case, upper case, digits, everything else
VALID_MS = 90 * 24 * 3_600_000
_HASHER = PasswordHasher()  # argon2id with the library's parameters: RFC 9106's second recommended set, 64 MiB
_CLASSES = (str.islower, str.isupper, str.isdigit)


def hashed(password: str) -> str:
    """What is kept of a password: salt and parameters are part of it. Takes tens of milliseconds."""
    return _HASHER.hash(password)


NOBODYS = hashed(secrets.token_urlsafe())  # so that a name that nobody has takes as long as a wrong password


def fits(kept: str, password: str) -> bool:
    """Is this the password that was kept? Takes tens of milliseconds, whatever the answer."""
    try:
        return _HASHER.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def initial() -> str:
    """A first password of 128 random bits; it must be changed, so it keeps no rule but being hard to guess."""
    return secrets.token_urlsafe(16)


def check(password: str, name: str, old: str) -> None:
    """See that a new password keeps the rules.

    Raises:
        PeerError: 422 it does not; the message never tells the password.
    """
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        raise _weak(f"{len(password)} characters", f"{LENGTH_MIN} to {LENGTH_MAX} characters")
    if name.casefold() in password.casefold():
        raise _weak("the name in it", "a password without the name")
    if password == old:
        raise _weak("the former password", "a new one")
    kinds = sum(any(map(is_of, password)) for is_of in _CLASSES)
    kinds += any(not any(is_of(character) for is_of in _CLASSES) for character in password)
    if kinds < CLASSES_MIN:
        raise _weak(
            f"{kinds} of them", f"at least {CLASSES_MIN} of lower case, upper case, digits and other characters"
        )


def _weak(found: str, wanted: str) -> PeerError:
    return PeerError("weak password", where="new", found=found, wanted=wanted)
