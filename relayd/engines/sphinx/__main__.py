"""The process of one stream: ``python -m relayd.engines.sphinx``."""

import sys

from relayd.engines.local import worker
from relayd.engines.sphinx.decoder import load

if __name__ == "__main__":
    sys.exit(worker.main(load))
