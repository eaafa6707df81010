"""The operations of derived views, bound to a park host."""

from collections.abc import Mapping

from reference_impl.park.view_groups import Period
from reference_impl.park.views import grouped, over_by, table, view_list, view_of
from reference_impl.store.views import material
from reference_impl.transport.bindings import Call, Handler, Response
from reference_impl.transport.group_commit import wall_ms
from reference_impl.transport.park_host import ParkHost


def view_operations(host: ParkHost) -> Mapping[str, Handler]:
    """Handlers by operation id."""

    async def get_views(_call: Call) -> Response:
        return view_list()

    async def get_view(call: Call) -> Response:
        plan, by = view_of(call.path["view"], call.text("by"))
        park, asked, rows = call.path["park"], Period(*call.period_ms()), call.rows()
        names = tuple(host.nodes[park].names)
        period = over_by(asked, wall_ms())

        def read() -> Response:
            found = grouped(plan, by, park, period, material(host.store, park, plan, period, names))
            return table(plan, asked, by, found, rows)

        return await host.query(read)

    return {"get_views": get_views, "get_view": get_view}
