"""Ring 4: client, edge, application, session and engine together, in memory, on a mock clock."""
