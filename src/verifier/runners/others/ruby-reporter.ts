import type { ReportPlace } from "../runner.ts";

/**
 * Listeners for RSpec and minitest, which write the same lines as the Python reporter. RSpec's own
 * variable loads the first; minitest finds its plugin on Ruby's path.
 */
export const rubyReport = "ruby-tests.jsonl";
export const rspecListener = "deputy_rspec.rb";
const minitestPlugin = "minitest/deputy_plugin.rb";

export function writeRspecListener(place: ReportPlace): { name: string; text: string } {
  return { name: rspecListener, text: writer("rspec", place) + rspec };
}

export function writeMinitestPlugin(place: ReportPlace): { name: string; text: string } {
  return { name: minitestPlugin, text: writer("minitest", place) + minitest };
}

function writer(runner: string, place: ReportPlace): string {
  return `require "json"

module DeputyReport
  PATH = ${JSON.stringify(`${place.folder}/${rubyReport}`)}.freeze
  RUN = "#{Process.pid}-#{(Time.now.to_f * 1000).to_i}".freeze

  def self.write(event)
    line = JSON.generate(event.merge(run: RUN, runner: "${runner}")) + "\\n"
    File.open(PATH, File::WRONLY | File::APPEND | File::CREAT, 0o644) { |file| file.syswrite(line) }
  rescue StandardError
    nil
  end

  def self.text(value)
    value.to_s.encode("UTF-8", invalid: :replace, undef: :replace)
  end
end
`;
}

const rspec = `
class DeputyListener
  def file(example)
    File.expand_path(example.metadata[:absolute_file_path] || example.file_path)
  end

  def name(example)
    DeputyReport.text("#{file(example)} > #{example.full_description}")
  end

  # A one-liner gets its name from its matcher, when it has run.
  def untitled?(example)
    (example.metadata[:description_args] || [nil]).empty?
  end

  def begin(example)
    DeputyReport.write(test: name(example), state: "running", file: file(example))
  end

  def ended(example, state)
    self.begin(example) if untitled?(example)
    DeputyReport.write(test: name(example), state: state)
  end

  def example_started(note)
    self.begin(note.example) unless untitled?(note.example)
  end

  def example_passed(note)
    ended(note.example, "passed")
  end

  def example_failed(note)
    ended(note.example, "failed")
  end

  def example_pending(note)
    ended(note.example, "skipped")
  end

  def stop(_note)
    outside = RSpec.world.respond_to?(:non_example_failure) && RSpec.world.non_example_failure
    DeputyReport.write(end: !outside && !RSpec.world.wants_to_quit)
  end
end

RSpec.configure do |config|
  config.before(:suite) do
    DeputyReport.write(begin: true)
    config.reporter.register_listener(
      DeputyListener.new, :example_started, :example_passed, :example_failed, :example_pending, :stop
    )
  end
end
`;

const minitest = `
module Minitest
  class DeputyReporter < AbstractReporter
    def start
      DeputyReport.write(begin: true)
    end

    def name(klass, method)
      DeputyReport.text("#{klass}##{method}")
    end

    def file(klass, method)
      klass.instance_method(method).source_location&.first
    rescue StandardError
      nil
    end

    def prerecord(klass, method)
      path = file(klass, method)
      DeputyReport.write(test: name(klass, method), state: "running", file: path && File.expand_path(path))
    end

    def record(result)
      klass = result.respond_to?(:klass) ? result.klass : result.class
      state = result.skipped? ? "skipped" : result.passed? ? "passed" : "failed"
      DeputyReport.write(test: name(klass, result.name), state: state)
    end

    def report
      DeputyReport.write(end: true)
    end
  end

  def self.plugin_deputy_init(_options)
    reporter << DeputyReporter.new
  end
end
`;
