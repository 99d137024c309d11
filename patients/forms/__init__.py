"""Forms of the console's patient pages. They check and explain; the actions write."""

from patients.forms.addresses import ConsentForm, ContactPointForm
from patients.forms.persons import IdentifierForm, RelatedPersonForm
from patients.forms.profile import NewPatientForm, ProfileForm

__all__ = [
    "ConsentForm",
    "ContactPointForm",
    "IdentifierForm",
    "NewPatientForm",
    "ProfileForm",
    "RelatedPersonForm",
]
