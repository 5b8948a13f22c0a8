"""``python -m relayd``: the same as the command ``relayd``."""

import sys

from relayd.cli import main

sys.exit(main())
