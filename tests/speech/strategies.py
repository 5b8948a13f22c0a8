"""Audio formats for property tests."""

from hypothesis import strategies as st

from relayd.speech.formats import SAMPLE_BYTES, AudioFormat

FORMATS = st.builds(
    AudioFormat,
    encoding=st.sampled_from(sorted(SAMPLE_BYTES)),
    sample_rate=st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000]),
    channels=st.integers(1, 20),
    multichannel=st.booleans(),
)
