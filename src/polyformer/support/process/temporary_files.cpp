#include "polyformer/support/process/temporary_files.h"

#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <climits>
#include <csignal>
#include <cstring>

namespace polyformer {

namespace {

/// A signal handler may neither allocate nor wait: names lie in a table, and each says whether it can be read.
enum class Slot : int { free, filling, in_use };
constexpr std::size_t kSlots = 64;  ///< more files are not written at once; a name without a slot is not removed
static_assert(std::atomic<Slot>::is_always_lock_free);

std::array<std::atomic<Slot>, kSlots> states{};
std::array<std::array<char, PATH_MAX>, kSlots> names{};

extern "C" void remove_and_end(int signal) {
    remove_temporary_files();
    // As if there had been no handler, so that whoever waits for this process sees which signal ended it.
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    ::sigaction(signal, &action, nullptr);
    sigset_t this_one;
    sigemptyset(&this_one);
    sigaddset(&this_one, signal);
    ::pthread_sigmask(SIG_UNBLOCK, &this_one, nullptr);
    ::raise(signal);
}

}  // namespace

void remove_temporary_files() noexcept {
    for (std::size_t i = 0; i < kSlots; ++i) {
        if (states[i] == Slot::in_use) ::unlink(names[i].data());
    }
    for (std::size_t i = 0; i < kSlots; ++i) {
        if (states[i] == Slot::in_use) ::rmdir(names[i].data());  // the folders that they lay in
    }
}

TemporaryName::TemporaryName(const std::string& path) : slot_(kSlots) {
    if (path.size() >= PATH_MAX) return;
    for (std::size_t i = 0; i < kSlots && slot_ == kSlots; ++i) {
        Slot free = Slot::free;
        if (states[i].compare_exchange_strong(free, Slot::filling)) slot_ = i;
    }
    if (slot_ == kSlots) return;
    std::memcpy(names[slot_].data(), path.c_str(), path.size() + 1);
    states[slot_] = Slot::in_use;
}

TemporaryName::~TemporaryName() {
    if (slot_ < kSlots) states[slot_] = Slot::free;
}

void remove_temporary_files_on_signals() {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
        struct sigaction previous {};
        ::sigaction(signal, nullptr, &previous);
        if ((previous.sa_flags & SA_SIGINFO) != 0 || previous.sa_handler != SIG_DFL) continue;
        struct sigaction action {};
        action.sa_handler = remove_and_end;
        action.sa_flags = SA_RESTART;
        ::sigaction(signal, &action, nullptr);
    }
}

}  // namespace polyformer
