"""relayd.toml, the environment and credentials, as frozen classes.

load               find, read, check; raises ConfigError with the key and the remedy
sections/          Server, Limits …: every key defined once, with its unit and reason
Config             all of them
Secret             a value that never prints itself; `.reveal()` is the only way out
"""

from relayd.config.loading import load
from relayd.config.secret import Secret
from relayd.config.sections.api_keys import ApiKeys
from relayd.config.sections.auth import Auth
from relayd.config.sections.batch import Batch
from relayd.config.sections.costs import Costs
from relayd.config.sections.database import Database
from relayd.config.sections.engines import Deepgram, EngineChoice, Engines, LocalProcesses
from relayd.config.sections.file_engines import (
    FileProcesses,
    OpenAiCompatible,
    OpenAiServer,
    WhisperCpp,
)
from relayd.config.sections.limits import Limits
from relayd.config.sections.log import Log
from relayd.config.sections.mail import Mail
from relayd.config.sections.metering import Metering
from relayd.config.sections.offers import Model
from relayd.config.sections.packages import Package
from relayd.config.sections.plans import Free, PayAsYouGo, Plan, Plans, Pro
from relayd.config.sections.recording_models import RecordingModel
from relayd.config.sections.seller import Seller
from relayd.config.sections.server import Server
from relayd.config.sections.storage import Storage
from relayd.config.sections.stripe import Stripe
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
