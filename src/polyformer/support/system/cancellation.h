// Work that can be stopped from another thread: all its parallel loops look whether it has been.
//
//     Cancellable work;
//     std::thread worker([&] { work.run([&] { infer(...); }); });  // throws Cancelled
//     work.cancel();                                               // from here
#pragma once

#include <exception>
#include <functional>
#include <memory>

namespace polyformer {

/// Thrown where cancelled work stops. No Error: nothing is wrong with anybody's input, and whoever tries one thing
/// after the other, going on after each Error, must not go on.
class Cancelled : public std::exception {
  public:
    const char* what() const noexcept override { return "cancelled"; }
};

/// Throws Cancelled when the work that the calling thread takes part in has been cancelled. parallel_for() asks at each
/// call; sequential work of more than a second should, too.
void throw_if_cancelled();

/// One piece of work.
class Cancellable {
  public:
    Cancellable();
    ~Cancellable();
    Cancellable(const Cancellable&) = delete;
    Cancellable& operator=(const Cancellable&) = delete;
    Cancellable(Cancellable&&) = delete;
    Cancellable& operator=(Cancellable&&) = delete;

    /// Does the work in this thread, its parallel loops on all. Throws what it throws, and Cancelled when cancel() was
    /// called before it was done. To be called once.
    void run(const std::function<void()>& work);
    /// From any thread, at any time until the object is gone.
    void cancel();

  private:
    struct Group;
    std::unique_ptr<Group> group_;
};

}  // namespace polyformer
