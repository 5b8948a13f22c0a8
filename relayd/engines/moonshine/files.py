"""The process that transcribes files: ``python -m relayd.engines.moonshine.files``."""

import sys

from relayd.engines.local import transcriber
from relayd.engines.local.recorded import Recorded
from relayd.engines.moonshine.decoder import load

if __name__ == "__main__":
    sys.exit(transcriber.main(lambda: Recorded(load(), "en")))
