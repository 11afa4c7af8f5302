"""The pages that people see, in Indonesian and English (EM-013..018, U-001..005)."""

from functions.site import admins, organizers, visitors
from shared.site import error_pages
from shared.web import App

app = App("site", error_page=error_pages.problem_page)
app.include(*visitors.PAGES, *organizers.PAGES, *admins.PAGES)
main = app.entry_point()
