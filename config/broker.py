"""The broker is only a doorbell: a ring that is lost comes again, so its loss must end nothing.

Kombu puts messages back that a worker had taken and not begun, when the connection closes. Where the connection is gone
for the second time it has forgotten the address, and the AttributeError ends the worker with all that it does just then.
"""

import logging

from kombu.transport import redis

log = logging.getLogger(__name__)


class QoS(redis.QoS):
    """Kombu's, for which a message that cannot be put back is none of the worker's concern."""

    def restore_unacked(self, client=None):
        try:
            return super().restore_unacked(client)
        except Exception:  # whatever it is, the rows know what is due
            log.warning(
                "What a worker had taken (%s) could not be put back; it comes again.",
                len(self._delivered),
                exc_info=True,
            )
            self._delivered.clear()
            return []


def install() -> None:
    redis.Channel.QoS = QoS
