"""The last hand on a page: where a line may not break."""

import finish

FORMULA = '<span class="math notranslate nohighlight"><math><mi>P</mi></math></span>'


def test_a_number_and_its_per_cent_sign_stand_in_one_line() -> None:
    assert finish.set_prose("<p>0.1 % of <em>7 %</em></p>") == "<p>0.1\u00a0% of <em>7\u00a0%</em></p>"


def test_code_attributes_and_scripts_keep_their_spaces() -> None:
    for html in ('<img alt="7 % of it">', "<pre><b>7 %</b> 3</pre>", "<code>7 % 3</code>", "<script>7 % 3</script>"):
        assert finish.set_prose(html) == html


def test_what_plain_text_calls_p_theta_is_set_as_in_formulas() -> None:
    assert finish.set_prose("<p>rows of P_θ</p>") == "<p>rows of <i>P</i><sub>θ</sub></p>"
    assert finish.set_prose("<code>P_θ</code>") == "<code>P_θ</code>"


def test_short_code_is_told_from_code_that_may_be_broken() -> None:
    option, call = (
        f'<code class="docutils literal notranslate"><span class="pre">{text}</span></code>'
        for text in ("--workers", "load_prompt(library_of_a_customer, model)")
    )
    assert 'class="docutils literal notranslate short"' in finish.finish(option, "page", {})
    assert finish.finish(call, "page", {}) == call


def test_a_formula_keeps_the_comma_behind_it_and_the_bracket_in_front() -> None:
    page = finish.finish(f"<p>With {FORMULA}, or ({FORMULA}) or {FORMULA} rows</p>", "page", {})
    kept = [f'<span class="kept">{piece}</span>' for piece in (f"{FORMULA},", f"({FORMULA})")]
    assert page == f"<p>With {kept[0]} or {kept[1]} or {FORMULA} rows</p>"
