from __future__ import annotations

from domain import help_thanks
from handlers.plain import changing
from schemas.help_thanks import Rating, RatingForm

rate = changing(help_thanks.rate, RatingForm, Rating, "Give stars and thanks for a help; the volunteer sees them.")
