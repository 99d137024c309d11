"""How old somebody is, in the unit that matters at their age."""

from datetime import date, timedelta

from django.utils.translation import ngettext

# A fever is urgent under three months (AAP), and some of these are 89, some 92 days long: so an age
# around that line is told in days.
DAYS_UNTIL = timedelta(days=100)
WEEKS_UNTIL = timedelta(weeks=26)
MONTHS_UNTIL_YEARS = 3


def age(birth_date: date, today: date) -> str:
    """Return an age for people to read: "91 days", "17 weeks", "30 months", "65 years".

    Args:
        birth_date: in the past or today; somebody born "tomorrow" (a clerk's slip, or the far side
            of the date line) is told as 0 days old.
        today: the day, where the clinic is.
    """
    lived = today - birth_date
    if lived < DAYS_UNTIL:
        days = max(lived.days, 0)
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    if lived < WEEKS_UNTIL:
        weeks = lived.days // 7
        return ngettext("%(count)d week", "%(count)d weeks", weeks) % {"count": weeks}
    months = months_between(birth_date, today)
    if months < MONTHS_UNTIL_YEARS * 12:
        return ngettext("%(count)d month", "%(count)d months", months) % {"count": months}
    years = months // 12
    return ngettext("%(count)d year", "%(count)d years", years) % {"count": years}


def months_between(earlier: date, later: date) -> int:
    """Return the whole months between two days; who is born on the 31st or on 29 February turns
    a month older on the 1st where the month has no such day.
    """
    months = (later.year - earlier.year) * 12 + later.month - earlier.month
    return months - (later.day < earlier.day)
