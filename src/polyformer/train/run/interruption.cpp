#include "polyformer/train/run/interruption.h"

#include <csignal>

namespace polyformer::train {
namespace {

volatile std::sig_atomic_t signalled = 0;

extern "C" void note_signal(int) {
    signalled = 1;
}

}  // namespace

InterruptionGuard::InterruptionGuard()
    : previous_interrupt_(std::signal(SIGINT, note_signal)), previous_terminate_(std::signal(SIGTERM, note_signal)) {
    signalled = 0;
}

InterruptionGuard::~InterruptionGuard() {
    static_cast<void>(std::signal(SIGINT, previous_interrupt_));
    static_cast<void>(std::signal(SIGTERM, previous_terminate_));
}

bool InterruptionGuard::requested() const {
    return signalled != 0;
}

}  // namespace polyformer::train
