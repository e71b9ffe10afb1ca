"""How good the answers are: a dataset of questions, asked as customers ask them, and measured."""
