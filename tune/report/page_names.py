"""What the pages of a study are called."""

PLOTS_PAGE, REPORT_PAGE, REPORT_TEXT = "plots.html", "report.html", "report.md"
