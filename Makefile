# `make X` is `python3 course.py X`; the list of commands: make help. GNU make 3.81 or newer, which Linux and macOS have.
PYTHON ?= python3
COURSE := $(PYTHON) course.py
OPTIONS = $(if $(LESSON),--lesson $(LESSON)) $(if $(ANSWERS),--answers $(ANSWERS)) $(if $(ONLY),--only $(ONLY)) \
	$(if $(SEEDS),--seeds $(SEEDS)) $(if $(CPU_SECONDS),--cpu-seconds $(CPU_SECONDS))
LONGER_TESTS := test-solved test-browser test-colab test-faults test-site
COMMANDS := lab doctor test update grade clear slides kit notebooks minutes bench site release badges judge changes \
	models pictures

.DEFAULT_GOAL := help
.PHONY: help $(COMMANDS) $(LONGER_TESTS)

help:
	@$(COURSE) --help

$(COMMANDS):
	@$(COURSE) $@ $(OPTIONS) $(if $(FOLDER),"$(FOLDER)")

$(LONGER_TESTS):
	@$(COURSE) test --$(@:test-%=%) $(OPTIONS)
