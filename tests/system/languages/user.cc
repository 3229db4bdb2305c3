// SPDX-License-Identifier: Apache-2.0
// Copyright the genkitd authors
// The same module in C++, with a class of its own behind a flow.
#include <genkit/genkit.h>

#include <string>

namespace
{

class greeter
{
      public:
	explicit greeter(std::string greeting) : greeting(std::move(greeting)) {}

	static gk_code run(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
	{
		auto *self = static_cast<greeter *>(gk_ctx_user(ctx));
		gk_auto_json json_t *answer = nullptr;
		gk_auto_str char *text = gk_json_write(input, nullptr);

		if (!text)
			return gk_error_no_memory(err);
		answer = json_string((self->greeting + ", " + text).c_str());
		*ret = gk_steal(answer);
		return *ret ? GK_OK : gk_error_no_memory(err);
	}

	static void destroy(void *user)
	{
		delete static_cast<greeter *>(user);
	}

      private:
	std::string greeting;
};

gk_code judge(gk_ctx *, json_t *point, json_t *, void *, json_t **ret, gk_error *err)
{
	*ret = gk_evaluation_new(point, gk_score_new(json_true(), GK_SCORE_PASS, nullptr));
	return *ret ? GK_OK : gk_error_no_memory(err);
}

} // namespace

GK_MODULE(user, app, err)
{
	auto *hello = new greeter("Hello");
	gk_code rc = gk_define_action(app,
		GK_OPTS(gk_action_opts, .type = "flow", .name = "greet", .run = greeter::run,
			.user = hello, .free_user = greeter::destroy),
		err);

	if (rc != GK_OK)
		delete hello;
	return rc == GK_OK ? gk_define_evaluator(app,
				     GK_OPTS(gk_evaluator_opts, .name = "all-pass",
					     .display_name = "All pass", .definition = "Lets all pass.",
					     .run = judge),
				     err)
			   : rc;
}

#ifdef WITH_MAIN
int main(int argc, char **argv)
{
	return gk_main(argc, argv, gk_module_init);
}
#endif
