"""What the files of the report are called."""

REPORT_PAGE, REPORT_TEXT = "report.html", "report.md"
