"""A transcript in the formats that people and programs ask for, all from one document."""
