"""What the doctor finds on this installation, for platform staff."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from admin_ui import pages
from admin_ui.views.privacy import detector_of
from proxy.doctor import detection, local


@require_safe
@pages.staff_page
def index(request: HttpRequest) -> HttpResponse:
    """The page; with `findings=1` the checks alone, which take some seconds as they ask every upstream."""
    if "findings" not in request.GET:
        return render(request, "admin_ui/health/index.html")
    detector = detector_of(request)
    findings = [*local.check(), detection.check(detector.workers if detector is not None else None)]
    counts = {level: sum(finding.level == level for finding in findings) for level in ("ok", "warn", "fail")}
    worst = sorted(findings, key=lambda finding: ("fail", "warn", "ok").index(finding.level))
    return render(request, "admin_ui/health/_findings.html", {"findings": worst, "counts": counts})
