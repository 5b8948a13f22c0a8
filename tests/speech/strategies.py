"""Audio formats and prices for property tests."""

from hypothesis import strategies as st

from relayd.speech.formats import SAMPLE_BYTES, AudioFormat
from relayd.speech.tariff import Tariff

FORMATS = st.builds(
    AudioFormat,
    encoding=st.sampled_from(sorted(SAMPLE_BYTES)),
    sample_rate=st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000]),
    channels=st.integers(1, 20),
    multichannel=st.booleans(),
)

# As far as the configuration lets them go.
TARIFFS = st.builds(Tariff, st.integers(1, 10_000))
