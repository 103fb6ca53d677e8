'use strict';

// What is wider than its place scrolls; by keyboard too, if it can have the focus. What fits is no stop on the way.

{
  const WIDE = 'div.math, table, .pst-scrollable-table-container, .cell_output .output';
  let regions = 0;
  const describe = (element, scrolls) => {
    if (!scrolls) element.removeAttribute('role');
    else if (!element.hasAttribute('role')) {
      element.setAttribute('role', 'region');
      element.setAttribute('aria-label', `${element.matches('.math') ? 'Wide formula' : 'Wide output'} ${(regions += 1)}`);
    }
    if (!scrolls) element.removeAttribute('aria-label');
  };

  const mark = () => {
    for (const element of document.querySelectorAll(WIDE)) {
      const scrolls = element.scrollWidth > element.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(element).overflowX);
      if (scrolls) element.tabIndex = 0;
      else element.removeAttribute('tabindex');
      if (element.matches('div')) describe(element, scrolls);
    }
  };
  addEventListener('load', mark);
  addEventListener('resize', mark);
}
