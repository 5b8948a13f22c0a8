"""The process that transcribes files: ``python -m relayd.engines.whispercpp FILE THREADS``."""

import sys

from relayd.engines.local import transcriber
from relayd.engines.whispercpp.decoder import load

if __name__ == "__main__":
    sys.exit(transcriber.main(lambda: load(sys.argv[1], int(sys.argv[2]))))
