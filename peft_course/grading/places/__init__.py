"""Where teachers work: a module for each place, which writes its format from what ``grade`` or ``class`` produced."""
