"""relayd.toml, the environment and credentials, as frozen classes.

load               find, read, check; raises ConfigError with the key and the remedy
Config, Server …   the sections, every key defined once with its unit and reason
Secret             a value that never prints itself; `.reveal()` is the only way out
"""

from relayd.config.api_keys import ApiKeys
from relayd.config.auth import Auth
from relayd.config.batch import Batch
from relayd.config.costs import Costs
from relayd.config.database import Database
from relayd.config.engines import Deepgram, EngineChoice, Engines, LocalProcesses
from relayd.config.file_engines import FileProcesses, OpenAiCompatible, OpenAiServer, WhisperCpp
from relayd.config.limits import Limits
from relayd.config.loading import load
from relayd.config.log import Log
from relayd.config.mail import Mail
from relayd.config.metering import Metering
from relayd.config.offers import Model
from relayd.config.packages import Package
from relayd.config.plans import Free, PayAsYouGo, Plan, Plans, Pro
from relayd.config.recording_models import RecordingModel
from relayd.config.secret import Secret
from relayd.config.seller import Seller
from relayd.config.server import Server
from relayd.config.storage import Storage
from relayd.config.stripe import Stripe
from relayd.config.whole import Config

__all__ = [
    "ApiKeys",
    "Auth",
    "Batch",
    "Config",
    "Costs",
    "Database",
    "Deepgram",
    "EngineChoice",
    "Engines",
    "FileProcesses",
    "Free",
    "Limits",
    "LocalProcesses",
    "Log",
    "Mail",
    "Metering",
    "Model",
    "OpenAiCompatible",
    "OpenAiServer",
    "Package",
    "PayAsYouGo",
    "Plan",
    "Plans",
    "Pro",
    "RecordingModel",
    "Secret",
    "Seller",
    "Server",
    "Storage",
    "Stripe",
    "WhisperCpp",
    "load",
]
