"""What is wrong with a wrong answer: experiments with it, and slips of the pen that would lead to it."""
