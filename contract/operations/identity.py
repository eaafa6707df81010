"""People, sessions and the audit log; and which role of the operations each role of a person acts in."""

from contract import identity as i
from contract import messages as m
from contract.operations.shape import AUTH, LIMIT, Operation, query

ACTS_AS: dict[i.PersonRole, m.Role | i.PersonalRole] = {
    "system-administrator": "administrator",
    "security-administrator": "security-administrator",
    "auditor": "auditor",
    "operator": "operator",
    "enterprise": "enterprise",
}
# Three administrators who watch each other (GB/T 22239-2019, 8.1.5): nobody may hold two of these.
SEPARATED: tuple[i.PersonRole, ...] = ("system-administrator", "security-administrator", "auditor")
# Their calls are summed up in the audit log: one row a minute, caller and object.
SUMMED = frozenset({"post_telemetry", "post_events", "post_uplink"})

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="post_session",
        method="POST",
        path="/v1/sessions",
        level=("park", "city"),
        summary="Sign in with name, password and the code of the second factor. "
        "An unknown name is answered as a wrong password is; five failures in 15 minutes lock the name and the client.",
        request=i.SignIn,
        status=201,
        response=i.Session,
        errors=(400, 401, 413, 422, 429, 503),
    ),
    Operation(
        id="sign_out",
        method="POST",
        path="/v1/me/sign-out",
        level=("park", "city"),
        roles=("person",),
        summary="End the session.",
        response=i.SignedOut,
        errors=(*AUTH, 503),
    ),
    Operation(
        id="change_password",
        method="POST",
        path="/v1/me/password",
        level=("park", "city"),
        roles=("person",),
        summary="Change one's own password.",
        request=i.PasswordChange,
        response=i.Person,
        errors=(400, *AUTH, 413, 422, 503),
    ),
    Operation(
        id="set_second_factor",
        method="POST",
        path="/v1/me/second-factor",
        level=("park", "city"),
        roles=("person",),
        summary="Ask for the secret of a second factor, then confirm it with a code. A confirmed one stays.",
        request=i.SecondFactorRequest,
        response=i.SecondFactor,
        errors=(400, *AUTH, 409, 413, 422, 503),
    ),
    Operation(
        id="post_person",
        method="POST",
        path="/v1/people",
        level=("park", "city"),
        roles=("security-administrator",),
        summary="Open an account. The first one is opened with the enrolment token of the data folder "
        "and must be a security administrator's.",
        request=i.PersonRequest,
        status=201,
        response=i.PersonCreated,
        errors=(400, *AUTH, 409, 413, 422, 503),
    ),
    Operation(
        id="get_people",
        method="GET",
        path="/v1/people",
        level=("park", "city"),
        roles=("security-administrator", "auditor"),
        summary="All accounts and their roles.",
        response=i.PersonList,
        errors=(*AUTH, 503),
    ),
    Operation(
        id="set_person_roles",
        method="POST",
        path="/v1/people/{person}/roles",
        level=("park", "city"),
        roles=("security-administrator",),
        summary="Set all roles of another person, whose sessions end. "
        "Nobody holds two of system-administrator, security-administrator and auditor.",
        request=i.GrantList,
        response=i.Person,
        errors=(400, *AUTH, 404, 409, 413, 422, 503),
    ),
    Operation(
        id="lock_person",
        method="POST",
        path="/v1/people/{person}/lock",
        level=("park", "city"),
        roles=("security-administrator",),
        summary="Lock another person's account; its sessions end.",
        response=i.Person,
        errors=(*AUTH, 404, 409, 503),
    ),
    Operation(
        id="unlock_person",
        method="POST",
        path="/v1/people/{person}/unlock",
        level=("park", "city"),
        roles=("security-administrator",),
        summary="Unlock an account, and forgive its failures.",
        response=i.Person,
        errors=(*AUTH, 404, 409, 503),
    ),
    Operation(
        id="get_audit",
        method="GET",
        path="/v1/audit",
        level=("park", "city"),
        roles=("auditor",),
        summary="Rows of the audit log in order of number.",
        parameters=(query("after", "integer", "Only rows after this number; from the first unless told."), LIMIT),
        response=i.AuditList,
        errors=(400, *AUTH, 503),
    ),
)
