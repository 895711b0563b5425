"""Taking files in: nothing above the limit is kept, on disk or in memory, however much is sent."""

from django.conf import settings
from django.core.files.uploadhandler import TemporaryFileUploadHandler


class BoundedUploadHandler(TemporaryFileUploadHandler):
    """Streams a file to disk up to the limit for evidence and counts the rest without keeping it.

    `size` is what was sent, so forms can say that it was too much; the other fields of the form arrive as always.
    """

    def new_file(self, *args, **kwargs):
        super().new_file(*args, **kwargs)
        self.kept = 0

    def receive_data_chunk(self, raw_data, start):
        if self.kept <= settings.EVIDENCE_MAX_BYTES:
            self.kept += len(raw_data)
            super().receive_data_chunk(raw_data, start)
