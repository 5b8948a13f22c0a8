"""Any server with OpenAI's interface for recordings: theirs, Groq, speaches, vLLM, one on Modal."""
