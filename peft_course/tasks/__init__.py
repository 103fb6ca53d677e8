"""Tasks: examples x → y in three splits, with the metric and the wordings that go with them."""

from peft_course.tasks.e2e import e2e
from peft_course.tasks.sentiment import sentiment
from peft_course.tasks.table_to_text import table_to_text
from peft_course.tasks.task import Task
from peft_course.tasks.translation import translation

__all__ = ["Task", "e2e", "sentiment", "table_to_text", "translation"]
