#include "base/fatal_signal.hpp"

#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <utility>

namespace gantry {

namespace {

constexpr std::array kFatal{std::pair{SIGSEGV, "SIGSEGV"}, std::pair{SIGBUS, "SIGBUS"}, std::pair{SIGILL, "SIGILL"},
                            std::pair{SIGFPE, "SIGFPE"}, std::pair{SIGABRT, "SIGABRT"}};

struct Object {
  std::uintptr_t begin;
  std::uintptr_t end;
  const char* name;
  const char* loaded;  ///< As what: whoever gets the place of one that was unloaded has another.
  bool driver;
};

// Grows only, and is never freed: the handler may read it at any instant.
constexpr std::size_t kMostObjects = 1024;
std::array<Object, kMostObjects> objects;
std::atomic<std::size_t> object_count{0};
std::mutex noting;

const char* program_name = "";
thread_local const Doing* doing = nullptr;

/// The newest of that place: one that was unloaded has made room for another.
const Object* object_at(std::uintptr_t address) {
  for (std::size_t n = object_count.load(std::memory_order_acquire); n > 0; --n) {
    const Object& object = objects[n - 1];
    if (address >= object.begin && address < object.end) return &object;
  }
  return nullptr;
}

Object range_of(const dl_phdr_info& info) {
  Object out{UINTPTR_MAX, 0, "", "", false};
  for (int n = 0; n < info.dlpi_phnum; ++n) {
    const auto& part = info.dlpi_phdr[n];
    if (part.p_type != PT_LOAD) continue;
    const std::uintptr_t begin = info.dlpi_addr + part.p_vaddr;
    out.begin = std::min(out.begin, begin);
    out.end = std::max(out.end, begin + part.p_memsz);
  }
  return out;
}

struct Names {
  const std::string& driver;
  const std::string& loaded;
};

int note(dl_phdr_info* info, std::size_t /*size*/, void* data) {
  const Names& names = *static_cast<const Names*>(data);
  Object object = range_of(*info);
  const std::string path = info->dlpi_name;
  object.driver = !names.loaded.empty() && path == names.loaded;
  const std::string name = object.driver ? names.driver : path.empty() ? program_name : path;
  const Object* known = object_at(object.begin);
  const std::size_t count = object_count.load(std::memory_order_relaxed);
  if (object.end == 0 || count == kMostObjects) return 0;
  const bool same =
      known != nullptr && known->begin == object.begin && known->end == object.end && known->loaded == path;
  if (same && (!object.driver || name == known->name) && (known->driver || name == known->name)) return 0;
  object.name = ::strdup(name.c_str());
  object.loaded = ::strdup(path.c_str());
  objects[count] = object;
  object_count.store(count + 1, std::memory_order_release);
  return 0;
}

/// Text without an allocation.
class Line {
 public:
  Line& operator<<(const char* text) {
    while (*text != '\0' && size_ < text_.size() - 1) text_[size_++] = *text++;
    return *this;
  }
  Line& number(std::uintptr_t value, unsigned base) {
    std::array<char, 24> digits{};
    std::size_t at = digits.size() - 1;
    do {
      digits[--at] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    return *this << (base == 16 ? "0x" : "") << &digits[at];
  }
  Line& place(const Object& object, std::uintptr_t address) {
    return (*this << object.name << "+").number(address - object.begin, 16);
  }
  void print() {
    text_[size_++] = '\n';
    (void)!::write(STDERR_FILENO, text_.data(), size_);
  }

 private:
  std::array<char, 1024> text_{};
  std::size_t size_ = 0;
};

struct Registers {
  std::uintptr_t instruction;
  std::uintptr_t stack;
};

Registers registers_of(const ucontext_t& context) {
#if defined(__x86_64__)
  return {static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RIP]),
          static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RSP])};
#elif defined(__aarch64__)
  return {context.uc_mcontext.pc, context.uc_mcontext.sp};
#else
  (void)context;
  return {0, 0};
#endif
}

/// What is called by a driver crashes as well: the first address on the stack that lies in one. It may be a stale one.
std::uintptr_t driver_on_stack(std::uintptr_t stack) {
  constexpr std::size_t kBlocks = 32;
  std::array<std::uintptr_t, 256> words{};
  for (std::size_t block = 0; block < kBlocks; ++block, stack += sizeof words) {
    // Not read directly: the stack ends somewhere.
    const iovec into{words.data(), sizeof words};
    const iovec from{reinterpret_cast<void*>(stack), sizeof words};  // NOLINT(performance-no-int-to-ptr)
    const ssize_t got = ::syscall(SYS_process_vm_readv, ::getpid(), &into, 1, &from, 1, 0);
    if (got <= 0) return 0;
    for (std::size_t n = 0; n < static_cast<std::size_t>(got) / sizeof words[0]; ++n) {
      const Object* object = object_at(words[n]);
      if (object != nullptr && object->driver) return words[n];
    }
    if (static_cast<std::size_t>(got) < sizeof words) return 0;
  }
  return 0;
}

}  // namespace

struct FatalSignal {
  static void report(int signal, siginfo_t* info, void* context) {
    const int saved = errno;
    Line line;
    (line << program_name << ": fatal signal ").number(static_cast<unsigned>(signal), 10);
    for (const auto& [number, name] : kFatal) {
      if (number == signal) line << " (" << name << ")";
    }
    const bool fault = info->si_code > 0;
    if (fault) (line << " at address ").number(reinterpret_cast<std::uintptr_t>(info->si_addr), 16);
    if (info->si_code == SI_USER) (line << " sent by process ").number(static_cast<unsigned>(info->si_pid), 10);
    tell_where(line, *static_cast<const ucontext_t*>(context));
    for (const Doing* what = doing; what != nullptr; what = what->outer_) {
      line << ", during " << what->what_ << what->kind_ << (*what->kind_ == '\0' ? "\"" : " driver \"") << what->name_
           << "\"";
    }
    line.print();
    errno = saved;
    // The default action is back. What faults, faults again, now for good; the rest comes once more.
    if (!fault) ::syscall(SYS_tgkill, ::getpid(), ::gettid(), signal);
  }

  static void tell_where(Line& line, const ucontext_t& context) {
    const Registers registers = registers_of(context);
    const Object* object = object_at(registers.instruction);
    if (object == nullptr) {
      line << " in code of no known file";
    } else {
      (line << " in ").place(*object, registers.instruction);
    }
    if (object != nullptr && object->driver) return;
    const std::uintptr_t caller = driver_on_stack(registers.stack);
    const Object* driver = caller == 0 ? nullptr : object_at(caller);
    if (driver != nullptr) (line << ", probably called by ").place(*driver, caller);
  }
};

void report_fatal_signals(const char* program) {
  program_name = program;
  note_shared_objects();
  struct sigaction ours {};
  ours.sa_sigaction = FatalSignal::report;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK | static_cast<int>(SA_RESETHAND);
  ::sigemptyset(&ours.sa_mask);
  for (const auto& [signal, name] : kFatal) {
    struct sigaction present {};
    const bool free = ::sigaction(signal, nullptr, &present) == 0 && present.sa_handler == SIG_DFL;
    if (free) ::sigaction(signal, &ours, nullptr);
  }
}

void note_shared_objects(const std::string& driver, const std::string& loaded) {
  const std::scoped_lock guard{noting};
  Names names{driver, loaded};
  ::dl_iterate_phdr(note, &names);
}

Doing::Doing(const char* what, const char* kind, const char* name) noexcept
    : what_(what), kind_(kind), name_(name), outer_(doing) {
  doing = this;
}

Doing::~Doing() { doing = outer_; }

SignalStack::SignalStack() {
  stack_t present{};
  // A sanitizer has one of its own.
  if (::sigaltstack(nullptr, &present) != 0 || (present.ss_flags & SS_DISABLE) == 0) return;
  const std::size_t size = std::size_t{64} << 10;  // of which only what is used takes memory
  void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) return;
  memory_ = memory;
  size_ = size;
  stack_t ours{};
  ours.ss_sp = memory;
  ours.ss_size = size;
  ::sigaltstack(&ours, nullptr);
}

SignalStack::~SignalStack() {
  if (memory_ == nullptr) return;
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  ::sigaltstack(&none, nullptr);
  ::munmap(memory_, size_);
}

}  // namespace gantry
