#include "polyformer/support/system/progress.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace polyformer {
namespace {

TEST(Progress, LinesAreCutToTheTerminal) {
    EXPECT_EQ(cut_to_columns("loading keys", 20), "loading keys");
    EXPECT_EQ(cut_to_columns("loading keys", 7), "loading");
    EXPECT_EQ(cut_to_columns("\xC3\xA4\xC3\xB6\xC3\xBC", 2), "\xC3\xA4\xC3\xB6");  // letters stay whole
    EXPECT_EQ(cut_to_columns("\xE4\xB8\x80\xE4\xB8\x81\xE4\xB8\x83", 5), "\xE4\xB8\x80\xE4\xB8\x81");  // wide ones
    EXPECT_EQ(cut_to_columns("", 5), "");
}

TEST(Progress, LinesMoveNoCursor) {
    EXPECT_EQ(cut_to_columns("a\nb\033[2Jc\r", 20), "a?b?[2Jc?");
}

TEST(Progress, IsObservedByTheThreadThatAsksForIt) {
    std::vector<std::string> seen;
    const auto run = [](bool silent) {
        Progress bar("counting", 4, silent);
        bar.update(1, "one");
        bar.finish();
    };
    {
        const ObservedProgress observed([&](const std::string& title, double share, const std::string& note) {
            seen.push_back(title + " " + std::to_string(share).substr(0, 4) + " " + note);
        });
        run(false);
        run(true);
        std::thread([&] { run(true); }).join();
        {
            const ObservedProgress inner(
                [&](const std::string&, double, const std::string&) { seen.emplace_back("-"); });
            run(false);
        }
    }
    EXPECT_EQ(seen, (std::vector<std::string>{"counting 0.25 one", "counting 1.00 ", "-", "-"}));
}

}  // namespace
}  // namespace polyformer
