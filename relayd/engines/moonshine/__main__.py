"""The process of one stream: ``python -m relayd.engines.moonshine``."""

import sys

from relayd.engines.local import worker
from relayd.engines.moonshine.decoder import load

if __name__ == "__main__":
    sys.exit(worker.main(load))
