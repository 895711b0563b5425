"""Counterparts that are HTTP servers: each says what a request is for and answers it, the moods are common to all."""

import threading
import time
from pathlib import Path

from django.conf import settings

from tests.deployments.counterpart import Counterpart
from tests.deployments.rigs.base import Mood, Rig

GARBAGE = (200, b"<html>\xff\xfe\0 no such thing")


class ServerRig(Rig):
    """Listens on a port of this machine that stays the same while it is down.

    A tool that is down is so for every purpose, whatever `on` says: a port is open or it is not.
    """

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.moods, self.port, self.server, self.lock = {}, 0, None, threading.RLock()
        self.faults = []

    def __enter__(self):
        self._open()
        return self

    def __exit__(self, *_):
        self._close()
        assert not self.faults, f"The counterpart itself broke: {self.faults}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def purpose(self, method: str, path: str) -> str:
        """What a request is for: "start", "look" or "stop"."""
        raise NotImplementedError

    def answer(self, method: str, path: str, headers, body: bytes) -> tuple:
        """Do what the request asks for and answer it: (status, body) or (status, body, headers)."""
        raise NotImplementedError

    def failure(self, status: int, text: str) -> tuple:
        """An error as the tool words it."""
        return status, {"message": text}

    def be(self, mood: Mood, *, on: str = "start") -> None:
        self.moods[on] = mood
        if Mood.DOWN in self.moods.values():
            self._close()
        else:
            self._open()

    def answer_moodily(self, method: str, path: str, headers, body: bytes):
        mood = self.moods.get(self.purpose(method, path), Mood.WELL)
        if mood == Mood.NEVER:
            return "hang"
        if mood == Mood.REFUSES:
            return self.failure(403, "You may not do this.")
        with self.lock:
            answer = self.answer(method, path, headers, body)
        if mood == Mood.LATE:
            time.sleep(settings.HOOK_TIMEOUT_S + 1)
        if mood == Mood.SERVER_ERROR:
            return self.failure(500, "Something broke.")
        return GARBAGE if mood == Mood.GARBAGE else answer

    def _open(self) -> None:
        if self.server is None:
            self.server = _Server(self)
            self.port = self.server.server_port
            self.server.__enter__()

    def _close(self) -> None:
        if self.server is not None:
            self.server.__exit__()
            self.server = None


class _Server(Counterpart):
    def __init__(self, rig: ServerRig):
        super().__init__(rig.port)
        self.rig = rig

    def answer_to(self, method, path, headers, body):
        try:
            answer = self.rig.answer_moodily(method, path, headers, body)
        except Exception as error:
            self.rig.faults.append(repr(error))
            raise
        if isinstance(answer, str):
            return answer
        status, content, more = (*answer, {})[:3]
        return status, content, more | {"Connection": "close"}
