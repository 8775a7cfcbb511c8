"""Replies: the client's end of a reply queue, private or shared."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from concurrent.futures import Future, InvalidStateError
from dataclasses import replace
from typing import Dict, List, Optional, Set, Tuple

from ..aws.advice import explain
from ..aws.connection import Connection
from ..aws.making import open_queue
from ..aws.patience import Patience
from ..aws.queues import MAX_BATCH, Queue
from ..aws.trouble import AWS_ERRORS, is_denied, is_refusal
from ..errors import InvalidMessage
from ..flow.lanes import LONG_POLL, Lanes
from ..flow.recent import Recent
from ..flow.stage import Failed, Stage
from ..wire import names
from ..wire.envelope import Delivery, Reply
from . import reply_queue

logger = logging.getLogger(__name__)

LANES = 4
DELETERS = 4
HIDDEN = 40  # seconds; a reply whose way here failed comes again after so long
KEPT = 25.0  # seconds; a reply read so long ago is deleted, unless its queue has been by then
SHARED_HIDDEN = 15  # seconds; the longest that a crash here keeps others from their replies
SHARED_POLL = 2  # seconds; short, since a poll of a shared queue is never abandoned
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 8.0  # seconds after a look that found replies of others
REMEMBERED = 10_000  # ids of replies not awaited any more, by which to know duplicates
SWEEP_CHANCE = 0.02  # one session in fifty looks for orphans


class Replies:
    """Reads one reply queue while replies are awaited, and gives each to who awaits it.

    A private queue is ours alone, so what was read is only hidden at first: in a short session it
    is deleted with the queue. From a shared one our own replies are deleted, and those of others
    given back.
    """

    def __init__(
        self, connection: Connection, patience: Patience, shared: Optional[str] = None
    ) -> None:
        self._sqs = connection.sqs
        self._output_queue = connection.settings.output_queue
        self._closed = threading.Event()
        self._awaited: Dict[str, Future[Reply]] = {}
        self._change = threading.Condition()
        self._known = Recent(REMEMBERED)
        self._read: Dict[str, Tuple[float, Delivery]] = {}
        self._pause = FIRST_PAUSE
        self._foreign: Set[str] = set()  # what the last look found of others
        self.last_arrival = 0.0
        self._shared = shared is not None
        self._queue = self._create(connection) if shared is None else open_queue(self._sqs, shared)
        self._polled = replace(self._queue, sqs=connection.client("sqs", attempts=1))
        doing = f"receive from {self.name}"
        self._deleting = Stage(
            f"delete from {self.name}", DELETERS, MAX_BATCH, 1000, self._delete, patience
        )
        if self._shared:
            lanes = Lanes(doing, 1, self._receive, self._sort, self._wanted, patience, SHARED_POLL)
        else:
            self._deleting.start()
            threading.Thread(target=self._delete_read, name="deleter", daemon=True).start()
            lanes = Lanes(
                doing,
                LANES,
                self._collect,
                self._keep,
                self._wanted,
                patience,
                LONG_POLL,
                LONG_POLL,
            )
        self._lanes = lanes
        self._lanes.start()

    @property
    def name(self) -> str:
        """The name of the queue, for a request's `reply_to`."""
        return self._queue.name

    def expect(self, correlation_id: str) -> Future[Reply]:
        """Give the future of a reply; to be called before its request is sent."""
        with self._change:
            future = self._awaited[correlation_id] = Future()
            self._change.notify_all()
        return future

    def forget(self) -> None:
        """Expect nothing any more; what still comes is thrown away."""
        with self._change:
            self._known.add(self._awaited)
            self._awaited.clear()

    def close(self) -> None:
        """Delete a private queue; end the poll of a shared one and give back what it brings."""
        self.forget()
        self._closed.set()
        self._deleting.close()
        with self._change:
            self._change.notify_all()
        try:
            if self._shared:
                self._lanes.join()
            else:
                self._sqs.delete_queue(QueueUrl=self._queue.url)
        except AWS_ERRORS as error:
            logger.debug("The reply queue stays until it is swept: %s.", explain(error))

    def _create(self, connection: Connection) -> Queue:
        name = names.new_name(self._output_queue)
        try:
            private = reply_queue.create(self._sqs, name, connection.user_id)
        except AWS_ERRORS as error:
            if not is_denied(error):
                raise
            logger.warning("No right to make a reply queue: sharing %s.", self._output_queue)
            self._shared = True
            return open_queue(self._sqs, self._output_queue)
        if random.random() < SWEEP_CHANCE:
            threading.Thread(target=self._sweep, name="sweeper", daemon=True).start()
        return private

    def _sweep(self) -> None:
        try:
            reply_queue.sweep(self._sqs, self._output_queue)
        except AWS_ERRORS as error:
            logger.debug("Cannot look for orphaned reply queues: %s.", explain(error))

    def _wanted(self) -> bool:
        """Wait until a reply is awaited; no reply, no request."""
        with self._change:
            self._change.wait_for(lambda: self._awaited or self._closed.is_set())
        return not self._closed.is_set()

    def _receive(self, wait: int) -> List[Delivery]:
        hidden = SHARED_HIDDEN if self._shared else HIDDEN
        return self._polled.receive(MAX_BATCH, wait, hidden)

    def _collect(self, wait: int) -> List[Delivery]:
        """Receive from a private queue and give out at once, so that no lane polls in vain."""
        deliveries = self._receive(wait)
        for delivery in deliveries:
            self._give(delivery)
        return deliveries

    def _keep(self, deliveries: List[Delivery]) -> None:
        """Leave what was read from a private queue there, hidden for now."""
        now = time.monotonic()
        bare = [replace(each, body="", attributes={}) for each in deliveries]
        with self._change:
            self._read.update({each.message_id: (now, each) for each in bare})

    def _delete_read(self) -> None:
        """Delete from a private queue what was read, before it comes to light again."""
        while not self._closed.wait(KEPT / 5):
            until = time.monotonic() - KEPT
            with self._change:
                due = [each for since, each in self._read.values() if since < until]
                for delivery in due:
                    del self._read[delivery.message_id]
            self._deleting.put(due)

    def _delete(self, deliveries: List[Delivery]) -> Failed[Delivery]:
        failures = self._polled.delete(deliveries)
        return [(deliveries[at], error) for at, error in failures.items() if not is_refusal(error)]

    def _sort(self, deliveries: List[Delivery]) -> None:
        """Give out and delete what is ours of a shared queue, and give the rest back.

        Looks less often while the rest stays the same.
        """
        ours = [delivery for delivery in deliveries if self._give(delivery)]
        foreign = [delivery for delivery in deliveries if delivery not in ours]
        # What fails here comes again, is given out only once, and then let go again.
        self._queue.hide(foreign, 0)
        self._queue.delete(ours)
        if foreign:
            ids = {delivery.message_id for delivery in foreign}
            stagnant = not ours and ids <= self._foreign
            self._foreign = ids
            self._pause = min(self._pause * 2, LONGEST_PAUSE) if stagnant else FIRST_PAUSE
            self._closed.wait(self._pause)

    def _give(self, delivery: Delivery) -> bool:
        """Give a reply to who awaits it; tell whether it was meant for us at all."""
        try:
            reply = Reply.from_delivery(delivery)
        except InvalidMessage as error:
            logger.debug("Message %s is not for us: %s.", delivery.message_id, error)
            return False
        with self._change:
            future = self._awaited.pop(reply.correlation_id, None)
            if future is None:
                return reply.correlation_id in self._known
            self._known.add([reply.correlation_id])
        self.last_arrival = time.monotonic()
        with contextlib.suppress(InvalidStateError):  # nobody waits any more
            future.set_result(reply)
        return True
