from __future__ import annotations

from domain import enrolment_answers, enrolment_offering, enrolment_queues
from handlers.plain import acting, answering, showing
from schemas.enrolment_offers import EnrolmentQueues, OfferAnswer, RoundOffered

queues = showing(
    enrolment_queues.show, EnrolmentQueues, "Show the offers of an application, and its place in each queue and why."
)
accept = answering(
    enrolment_answers.accept,
    enrolment_queues.show,
    EnrolmentQueues,
    "Take an offered seat, in exchange for one taken before.",
    OfferAnswer,
)
decline = answering(
    enrolment_answers.decline,
    enrolment_queues.show,
    EnrolmentQueues,
    "Let an offered seat go, or give back one that was taken.",
    OfferAnswer,
)
settle = answering(
    enrolment_answers.settle,
    enrolment_queues.show,
    EnrolmentQueues,
    "Keep the seat that was taken and wait for nothing better, for good.",
)
offer = acting(enrolment_offering.begin, RoundOffered, "Offer the seats of a published draw to the families.")
