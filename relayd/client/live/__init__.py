"""Live words for apps that want nothing else to think about.

engine        `RemoteTranscriptionEngine`: threads outside, callbacks back
words         `stream`: the same for Trio and asyncio
conversation  the core of both: one conversation with the far end, across cut connections
sources       who makes the words: a relay, or Deepgram with the user's own key
credentials   the sign-in at a relay, kept fresh        vault     the system's keyring
settings      what an app configures                    wording   codes in words for people
tape          audio that is on its way                  sound     blocks of any form as 16 kHz PCM
microphone    the system's input devices                news      what an app hears of it all
"""
