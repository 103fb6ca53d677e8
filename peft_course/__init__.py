"""Hard prompts, soft prompts and prefix tuning on a frozen language model.

lm = load_lm("course-gpt")
prompt = SoftPrompt(lm, num_virtual_tokens=20)
fit(prompt, lm, task.train)
lm.generate(["The old dog sees a cat."], prompt=prompt)

What there is stands in ``__init__.pyi``. A name's module is imported when the name is first asked for: torch and
transformers take seconds, which the command line and pytest's plugin need only where something is graded or trained.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
