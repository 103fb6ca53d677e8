"""Fine-tuning keeps a model for each task; prefix tuning one frozen model, and a small prefix for each task."""

from draw import GREEN, INK, PURPLE, Drawing

TASKS = ["translate", "describe", "judge"]
TOP, HIGH = 62, 96


def one_model_many_tasks() -> Drawing:
    drawing = Drawing(
        "A model per task, or a prefix per task",
        f"Left, fine-tuning: three whole models, one tuned to each of the tasks {', '.join(TASKS)}. Right, prefix "
        "tuning: one frozen model, and in front of it three small prefixes, one for each task.",
        height=360,
    )
    drawing.text(112, 22, "fine-tuning", bold=True)
    drawing.text(416, 22, "prefix tuning", bold=True)
    for number, task in enumerate(TASKS):
        y = TOP + number * HIGH
        drawing.box(4, y, 216, HIGH - 12, GREEN, 0.12)
        drawing.text(112, y + HIGH / 2 - 6, f"all weights,\ntuned: {task}")
        drawing.box(278, y + 20, 92, 44, PURPLE, 0.15)
        drawing.text(324, y + 42, task)
        drawing.arrow((374, y + 42), (410, y + 42), colour=PURPLE)
    drawing.line((248, 8), (248, 350), dashed=True)
    drawing.box(414, TOP, 142, 3 * HIGH - 12, INK, 0.12)
    drawing.text(485, TOP + 1.5 * HIGH - 6, "one model,\nfrozen")
    return drawing


if __name__ == "__main__":
    one_model_many_tasks().save(__file__)
