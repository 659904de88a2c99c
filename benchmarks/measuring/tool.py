"""What is measured of `holdfast bench` itself: whether it asks as fast as wrk, and what asking costs it."""

import resource

from . import asking
from .service import event


def children():
    """Return the seconds of CPU of all programs that this one started and that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def against_wrk(run, rate, cost):
    """Ask for the availability with both, 64 connections and two threads each, one after the other."""
    server = run.service([event("main", 50_000)])
    try:
        for number in run.rounds_of(rate):
            theirs = asking.wrk(server, "/remaining_tickets", run.whole_seconds, 200)
            before = children()
            ours = asking.bench(server, "--scenario", "availability", "--threads", 2, seconds=run.whole_seconds)
            # What starting it takes is in here, too.
            own = (children() - before) / sum(ours["statuses"].values()) * 1e6
            run.say(f"tool          {ours['rate']:,.0f}/s, wrk {theirs['rate']:,.0f}/s; {own:.2f} µs a request, "
                    f"the service {ours['us']:.2f}" + ("" if number else "  (warm-up)"))
            if number:
                rate.add(ours["rate"] / theirs["rate"], ours_rate=ours["rate"], wrk_rate=theirs["rate"])
                cost.add(own / ours["us"], us=own, service_us=ours["us"])
    finally:
        run.close([rate, cost], [server])
