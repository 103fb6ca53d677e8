"""The last hand on a page: where a line may not break."""

import finish

FORMULA = '<span class="math notranslate nohighlight"><math><mi>P</mi></math></span>'


def test_a_number_and_its_per_cent_sign_stand_in_one_line() -> None:
    assert finish.with_units("<p>0.1 % of <em>7 %</em></p>") == "<p>0.1\u00a0% of <em>7\u00a0%</em></p>"


def test_code_attributes_and_scripts_keep_their_spaces() -> None:
    for html in ('<img alt="7 % of it">', "<pre><b>7 %</b> 3</pre>", "<code>7 % 3</code>", "<script>7 % 3</script>"):
        assert finish.with_units(html) == html


def test_a_formula_keeps_the_comma_behind_it_and_the_bracket_in_front() -> None:
    page = finish.finish(f"<p>With {FORMULA}, or ({FORMULA}) or {FORMULA} rows</p>", "page", {})
    kept = [f'<span class="kept">{piece}</span>' for piece in (f"{FORMULA},", f"({FORMULA})")]
    assert page == f"<p>With {kept[0]} or {kept[1]} or {FORMULA} rows</p>"
