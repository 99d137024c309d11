"""Look for conversations by what was said in them or by whom, among those the person may read."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from hub.audit.record import AuditAction, record
from hub.console.drawn import row_html
from hub.console.forms import SearchForm
from hub.console.found import search_conversations
from hub.console.gate import for_staff, user_of


@require_GET
@for_staff
def search(request: HttpRequest) -> HttpResponse:
    """The search page; what it found is one row of the audit, the words themselves are not."""
    user = user_of(request)
    form = SearchForm(request.GET)
    typed = form.cleaned_data["q"].strip() if form.is_valid() else ""
    rows = search_conversations(typed, user) if typed else []
    if typed:
        record(
            AuditAction.SEARCH,
            actor=user,
            objects=[row.id for row in rows],
            kind="conversations.Conversation",
            detail={"for": "conversations"},
        )
    context = {
        "typed": typed,
        "rows": [row_html(row) for row in rows],
        "pane": "search",
        "page": "search",
        "chosen": "search",
    }
    return render(request, "console/search.html", context)
