"""The generated little world that the embedded models and the tasks share."""
