'use strict';

// What is wider than its place scrolls; by keyboard too, if it can have the focus. What fits is no stop on the way.

{
  const WIDE = 'div.math, table, .pst-scrollable-table-container, .cell_output .output';
  const mark = () => {
    for (const element of document.querySelectorAll(WIDE)) {
      const scrolls = element.scrollWidth > element.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(element).overflowX);
      if (scrolls) element.tabIndex = 0;
      else element.removeAttribute('tabindex');
    }
  };
  addEventListener('load', mark);
  addEventListener('resize', mark);
}
