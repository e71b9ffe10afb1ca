"""When the team is there, through the SDK."""

import pytest
from romashka import InvalidRequest, PermissionDenied

from tests.support.customers import customer_of, service_of, staff_of
from tests.support.stacks import RunningStack

_WEEK = {"days": [1, 2, 3, 4, 5], "from": "09:00", "to": "18:00"}
_HOURS = {"timezone": "Europe/Berlin", "spans": [_WEEK], "closed": ["2026-12-25"]}


async def test_hours_are_set_by_channel_and_read_by_staff(stack: RunningStack) -> None:
    """Said again of the same channels, they are other hours, and no second ones."""
    async with (
        service_of(stack) as operator,
        staff_of(stack) as agent,
        customer_of(stack) as customer,
    ):
        first = await operator.business_hours.set(_HOURS, channel_type="messenger")
        again = await operator.business_hours.set(
            {"timezone": "UTC", **_WEEK}, channel_type="messenger", away_texts={"en": "{when}"}
        )
        listed = [
            hours
            for hours in await agent.business_hours.list()
            if hours.channel_type == "messenger"
        ]
        hidden = await customer.business_hours.list()
        with pytest.raises(PermissionDenied):
            await agent.business_hours.set(_HOURS, channel_type="messenger")
        with pytest.raises(InvalidRequest) as refused:
            await operator.business_hours.set({"timezone": "Berlin"}, channel_type="messenger")
        await operator.business_hours.remove(first.id)

    assert first.hours == _HOURS
    assert listed == [again]
    assert (again.id, again.away_texts) == (first.id, {"en": "{when}"})
    assert hidden == []
    assert refused.value.name == "bad_hours"
