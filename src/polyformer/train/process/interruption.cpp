#include "polyformer/train/process/interruption.h"

#include <unistd.h>

#include <array>
#include <iterator>
#include <string_view>

#include "polyformer/support/process/temporary_files.h"
#include "polyformer/train/process/trainer_exit_codes.h"

namespace polyformer::train {
namespace {

volatile std::sig_atomic_t signalled = 0;
volatile std::sig_atomic_t ends_at_once = 0;
int guards = 0;
std::array<struct sigaction, std::size(interrupting_signals)> previous;

extern "C" void note_signal(int) {
    signalled = 1;
    if (ends_at_once == 0) return;
    remove_temporary_files();
    constexpr std::string_view message = "\ninterrupted: the same command goes on from here\n";
    static_cast<void>(!write(STDERR_FILENO, message.data(), message.size()));
    _exit(trainer_interrupted);
}

}  // namespace

InterruptionGuard::InterruptionGuard() {
    if (guards++ > 0) return;
    signalled = 0;
    struct sigaction noting {};
    noting.sa_handler = note_signal;
    noting.sa_flags = SA_RESTART;
    sigemptyset(&noting.sa_mask);
    for (std::size_t i = 0; i < previous.size(); ++i) {
        sigaction(interrupting_signals[i], nullptr, &previous[i]);
        if (previous[i].sa_handler != SIG_IGN) sigaction(interrupting_signals[i], &noting, nullptr);
    }
}

InterruptionGuard::~InterruptionGuard() {
    if (--guards > 0) return;
    for (std::size_t i = 0; i < previous.size(); ++i) sigaction(interrupting_signals[i], &previous[i], nullptr);
    signalled = 0;
}

bool interruption_requested() {
    return signalled != 0;
}

void check_interruption() {
    if (interruption_requested()) throw Interrupted();
}

EndAtOnce::EndAtOnce() {
    ends_at_once = 1;
    if (!interruption_requested()) return;
    ends_at_once = 0;
    throw Interrupted();
}

EndAtOnce::~EndAtOnce() {
    ends_at_once = 0;
}

}  // namespace polyformer::train
