# make              build/reap and build/libreap.a
# make deps         install what is missing (Debian, Ubuntu), or say the line to type
# make demo         102 photographs to vectors, labels and neighbours
# make test         lint, unit, golden and MPI tests, TAP through prove
# make check        lint and unit tests alone, under a minute
# make check-cpu    all tests once for each level of this CPU
# make check-san    address, undefined and thread sanitizers; a build by clang
# make check-valgrind  unit tests of the engine under Valgrind
# make check-fault  failing allocations, hostile bytes, full disks, killed ranks
# make install      PREFIX=/usr/local DESTDIR= ; make uninstall takes it away
# make format       clang-format over the tree
CC      ?= cc
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Werror -Wshadow -Wundef -Wstrict-prototypes \
           -Wmissing-prototypes -Wwrite-strings -Wvla
B       := build
# make V=1 shows whole commands
Q       := $(if $(V),,@)
PKGS    := vips lmdb libturbojpeg libjpeg libtiff-4 hdf5 jansson libzip libcurl \
           libarchive zlib libcrypto libprotobuf-c libseccomp
# libisal's pkg-config file puts its headers one level up
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) ompi-c 2>/dev/null | sed 's/-I/-isystem /g')
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) ompi-c 2>/dev/null)
ALL_CFLAGS = -std=c11 -D_POSIX_C_SOURCE=200809L -I. -I$(B)/gen -MMD -MP -pthread \
             -fno-math-errno -ffp-contract=off $(WARN) $(CFLAGS) $(PKG_CFLAGS) $(ISA_$(notdir $(@D)))
LIBS     = $(PKG_LIBS) -lisal -ldl -lm -pthread

# What lacks is said in one line, not by the compiler. deps, demo and test
# install it first, and build in a make of their own that then finds it.
ALONE := deps demo test clean format uninstall check-san check-cpu check-fault check-valgrind
ifneq ($(filter-out $(ALONE),$(or $(MAKECMDGOALS),all)),)
LACKS := $(shell jobs/install/deps.sh --check 2>&1)
$(if $(LACKS),$(error $(LACKS) (make deps does it)))
endif
# as many jobs as cores where no -j was given
BUILD  = $(MAKE) --no-print-directory $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

# The folder a kernel lives in decides its instruction set, and nothing else.
# Loops of the plain kernels are written to be vectorised for any x86-64.
ISA_ref    := -O3
ISA_blas   := -O3
ISA_train  := -O3
ISA_near   := -O3
ISA_avx2   := -mavx2 -mfma
ISA_avx2vnni := $(ISA_avx2) -mavxvnni
ISA_avx512 := -mavx512f -mavx512bw -mavx512vl -mavx512dq
ISA_vnni   := $(ISA_avx512) -mavx512vnni
ISA_bf16   := $(ISA_avx512) -mavx512bf16
ISA_amx    := $(ISA_avx512) -mavx512bf16 -mamx-tile -mamx-int8 -mamx-bf16

SRC   := $(sort $(shell find engine io pipeline cluster jobs -name '*.c'))
PROTO := $(wildcard io/*.proto io/*/*.proto)
GEN   := $(PROTO:%.proto=$(B)/gen/%.pb-c.c)
# Job scripts of clusters, as text inside the program.
JOBS  := $(sort $(wildcard cluster/*/*.in))
OBJ   := $(SRC:%.c=$(B)/%.o) $(GEN:.c=.o) $(B)/gen/templates.o
LIB   := $(filter-out $(B)/jobs/main.o,$(OBJ))
HELP  := $(patsubst %.c,$(B)/%.o,$(wildcard tests/*.c))
UNIT  := $(patsubst %.c,$(B)/%.t,$(wildcard tests/unit/*.c))
GOLD  := $(patsubst %.c,$(B)/%.t,$(wildcard tests/golden/*.c))
# The same on trained weights and photographs, for those who have them.
SHARED := $(patsubst %.c,$(B)/%.t,$(wildcard tests/golden/shared/*.c))
SLOW  := $(GOLD) $(wildcard tests/golden/*.t tests/mpi/*.t) \
         $(if $(REAP_SHARED),$(SHARED) $(wildcard tests/golden/shared/*.t))

COMMANDS := $(shell sed -n 's|^COMMAND.\([a-z_]*\),.*|\1|p' jobs/cli/commands.def)
PAGES := $(COMMANDS:%=$(B)/man/reap-%.1) $(B)/man/reap.1

all: $(B)/reap
$(B)/libreap.a: $(LIB)
	@$(RM) $@
	$(Q)$(AR) rcs $@ $^
$(B)/reap: $(B)/jobs/main.o $(B)/libreap.a
	$(if $(V),,@echo LD $@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo CC $<)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<
$(B)/gen/%.pb-c.c $(B)/gen/%.pb-c.h: %.proto
	@mkdir -p $(@D)
	protoc-c --c_out=$(B)/gen $<
$(B)/gen/templates.c: $(JOBS) Makefile
	@mkdir -p $(@D)
	@{ echo '#include "jobs/submit/script.h"'; \
	   echo 'const struct reap_template reap_templates[] = {'; \
	   for f in $(JOBS); do echo "{ \"$${f#cluster/}\","; \
	       sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' $$f; echo '},'; done; \
	   echo '{ 0 } };'; } >$@
$(B)/gen/%.o: $(B)/gen/%.c
	$(Q)$(CC) $(ALL_CFLAGS) -Wno-error -w -c -o $@ $<
$(SRC:%.c=$(B)/%.o): | $(GEN:.c=.h)
$(B)/%.t: $(B)/%.o $(HELP) $(B)/libreap.a
	$(if $(V),,@echo LD $@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tests/tools/%: $(B)/tests/tools/%.o $(HELP) $(B)/libreap.a
	$(if $(V),,@echo LD $@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

LINT  := $(wildcard tests/lint/*.t)
TOOLS := $(patsubst %.c,$(B)/%,$(wildcard tests/tools/*.c))
FAULT := $(patsubst %.c,$(B)/%.t,$(wildcard tests/fault/*.c))
# Tests start REAP and look for objects under B; MPI may run as root and with
# more ranks than cores, as containers and small machines need it.
TESTS := B=$(B) REAP=$(abspath $(B))/reap REAP_CACHE=$(abspath $(B))/cache CC="$(CC)" \
         OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
         OMPI_MCA_rmaps_base_oversubscribe=1 prove $(PROVE_FLAGS)
$(B)/man/reap.1: jobs/man/reap.man
$(B)/man/reap-%.1: jobs/man/%.man
$(PAGES): jobs/man/page.sh jobs/cli/commands.def jobs/cli/options.def jobs/cli/help.def engine/base/codes.def $(B)/reap
	@mkdir -p $(@D)
	@REAP=$(B)/reap jobs/man/page.sh $(patsubst reap-%,%,$(basename $(@F))) >$@
COMPLETION := $(B)/completion/reap.bash $(B)/completion/_reap $(B)/completion/reap.fish
$(B)/completion/reap.bash: SHELL_NAME = bash
$(B)/completion/_reap: SHELL_NAME = zsh
$(B)/completion/reap.fish: SHELL_NAME = fish
$(COMPLETION): jobs/completion/complete.sh jobs/cli/commands.def jobs/cli/options.def \
    engine/net/models.def io/preset/presets.def
	@mkdir -p $(@D)
	@jobs/completion/complete.sh $(SHELL_NAME) >$@
run = $(if $(strip $(1)),$(TESTS) $(1),echo 'no tests of this kind')
built: $(B)/reap $(PAGES) $(COMPLETION) $(UNIT) $(GOLD) $(SHARED) $(FAULT) $(TOOLS)
check: built
	@$(TESTS) $(LINT) $(UNIT) $(wildcard tests/unit/*.t)
check-all: built
	@$(TESTS) $(LINT) $(UNIT) $(wildcard tests/unit/*.t) \
	    $(SLOW)
check-faults: built
	@$(call run,$(FAULT) $(wildcard tests/fault/*.t))
deps:
	@jobs/install/deps.sh
packages:
	@echo $(PKGS) ompi-c
demo: deps
	@$(BUILD)
	@REAP=$(B)/reap jobs/demo/demo.sh $(B)/demo
test: deps
	@$(BUILD) check-all

# Levels of REAP_CPU that this machine has, as Linux names their parts.
LEVELS := ref blas $(shell grep -owE 'avx2|avx_vnni|avx512dq|avx512_vnni|avx512_bf16|amx_int8' \
    /proc/cpuinfo | sort -u | sed 's/avx_vnni/avx2vnni/; s/512dq/512/; s/.*_vnni/vnni/; s/.*_bf16/bf16/; s/amx.*/amx/')
# The reference is for reading, not for speed: no whole golden nets for it.
check-cpu: deps
	@$(BUILD) built
	@for l in $(LEVELS); do \
	    echo "REAP_CPU=$$l"; \
	    REAP_CPU=$$l $(TESTS) $(UNIT) $(wildcard tests/unit/*.t) \
	        $$([ $$l = ref ] || echo $(SLOW)) || exit 1; \
	done

# Unit tests under sanitizers, each in a build of its own, and by clang. What
# gcc says about lengths and values is wrong once a sanitizer has rewritten code.
THREADED := $(shell grep -lE 'pthread|crew|flow\.h|coord|import' tests/unit/*.c)
SAN_LIBS := ASAN_OPTIONS=abort_on_error=1:allocator_may_return_null=1:detect_stack_use_after_return=1 \
    UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
    LSAN_OPTIONS=suppressions=$(CURDIR)/tests/san/lsan.supp:print_suppressions=0 \
    TSAN_OPTIONS=suppressions=$(CURDIR)/tests/san/tsan.supp:halt_on_error=1:allocator_may_return_null=1:ignore_noninstrumented_modules=1
sanitize = $(SAN_LIBS) $(BUILD) B=$(B)/san/$(1) CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=$(2) \
    -Wno-format-truncation -Wno-maybe-uninitialized -Wno-stringop-overflow" \
    LDFLAGS="-fsanitize=$(2)"
check-san:
	@jobs/install/deps.sh --with-clang
	@$(call sanitize,address,address -fsanitize=undefined) check-unit
	@$(call sanitize,thread,thread) check-threads
	@$(BUILD) B=$(B)/san/clang CC=clang check-unit
check-unit: $(B)/reap $(UNIT) $(TOOLS)
	@$(TESTS) $(UNIT) $(wildcard tests/unit/*.t)
check-threads: $(THREADED:%.c=$(B)/%.t)
	@$(call run,$^)
# Unit tests of the engine under Valgrind, which knows no AVX-512: bytes that are
# read before they were written, and memory that is lost. Some minutes.
CHECKED := params model net kern_run kern_conv kern_wino kern_dense chains blocked_fail resample_ops
VALGRIND := valgrind -q --error-exitcode=99 --leak-check=full \
    --errors-for-leak-kinds=definite
check-valgrind: deps
	@$(BUILD) valgrind-units
valgrind-units: $(CHECKED:%=$(B)/tests/unit/%.t)
	@REAP_CPU=avx2 timeout 3000 env $(TESTS) --exec '$(VALGRIND)' $^
check-fault: deps
	@$(BUILD) check-faults
PREFIX ?= /usr/local
# where each shell looks for completions, below PREFIX
SHARE := $(PREFIX)/share
COMPLETED = $(SHARE)/bash-completion/completions/reap $(SHARE)/zsh/site-functions/_reap \
    $(SHARE)/fish/vendor_completions.d/reap.fish
install: $(B)/reap $(PAGES) $(COMPLETION)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(SHARE)/man/man1 $(addprefix $(DESTDIR),$(dir $(COMPLETED)))
	install -m 755 $(B)/reap $(DESTDIR)$(PREFIX)/bin/reap
	install -m 644 $(PAGES) $(DESTDIR)$(SHARE)/man/man1
	install -m 644 $(B)/completion/reap.bash $(DESTDIR)$(SHARE)/bash-completion/completions/reap
	install -m 644 $(B)/completion/_reap $(DESTDIR)$(SHARE)/zsh/site-functions/_reap
	install -m 644 $(B)/completion/reap.fish $(DESTDIR)$(SHARE)/fish/vendor_completions.d/reap.fish
uninstall:
	$(RM) $(DESTDIR)$(PREFIX)/bin/reap $(addprefix $(DESTDIR),$(COMPLETED)) \
	    $(addprefix $(DESTDIR)$(SHARE)/man/man1/,$(notdir $(PAGES)))
format:
	clang-format -i $(SRC) $(shell find engine io pipeline cluster jobs tests -name '*.h') $(wildcard tests/*.c tests/*/*.c)
clean:
	rm -rf $(B)
.PHONY: check-cpu check-san check-unit check-threads check-valgrind valgrind-units
.PHONY: all built packages check check-all check-faults check-fault demo test format clean deps install uninstall
.SECONDARY:
-include $(shell find $(B) -name '*.d' ! -path '$(B)/san/*' 2>/dev/null)
