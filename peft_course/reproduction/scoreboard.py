"""The verdicts as Markdown, for the book's page and for the terminal."""

from collections.abc import Sequence

from .verdicts import Finding

AUTHORS = {
    "ebrahimi2018hotflip": "Ebrahimi et al. 2018",
    "hu2022lora": "Hu et al. 2022",
    "lester2021power": "Lester et al. 2021",
    "li2021prefix": "Li & Liang 2021",
    "liu2022ptuning": "Liu et al. 2022",
    "sclar2024quantifying": "Sclar et al. 2024",
    "shin2020autoprompt": "Shin et al. 2020",
    "zhao2021calibrate": "Zhao et al. 2021",
}


def table(findings: Sequence[Finding]) -> str:
    """A row for each claim: who makes it, the verdict, and how many of its parts hold."""
    rows = [
        f"| {each.claim} | {AUTHORS[each.source]} | **{each.verdict}** | "
        f"{sum(each.parts.values())} of {len(each.parts)} |"
        for each in findings
    ]
    return "\n".join(["| claim | from | verdict | parts that hold |", "|---|---|---|---|", *rows])


def explained(finding: Finding) -> str:
    """A claim with the paper's number, ours, its parts, and why."""
    parts = [f"- {'✓' if held else '✗'} {part}" for part, held in finding.parts.items()]
    why = finding.why if finding.is_explained else OUT_OF_DATE.format(finding.written_for, finding.verdict)
    return "\n".join(
        [
            f"**{finding.claim} → {finding.verdict}**\n",
            f"*The paper:* {finding.paper} ({AUTHORS[finding.source]}).\n",
            f"*Here:* {finding.ours}.\n",
            *parts,
            f"\n{why}\n",
        ]
    )


OUT_OF_DATE = "The explanation that stood here was written for the verdict “{}”; the data now say “{}”."
