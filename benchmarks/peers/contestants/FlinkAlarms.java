import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

/**
 * The rule as a keyed operator of Apache Flink, in a cluster inside this process.
 *
 * <p>Arguments: folder of the columns, "exchange" or "chained", high, deadband, on-delay and off-delay in ms. On
 * standard input come "begin" (a job is submitted and waits), "go" (it may read) and "end"; the answers on standard
 * output are "ready", and "done N" with N lines "at_ms point kind onset_ms" behind it.
 */
public final class FlinkAlarms {
    private static final int NORMAL = 0;
    private static final int PENDING = 1;
    private static final int ACTIVE = 2;
    private static final int CLEARING = 3;
    private static final int RAISE = 1;
    private static final int CLEAR = 2;

    private static int[] points;
    private static long[] timesMs;
    private static double[] values;
    private static double high;
    private static double deadband;
    private static long onDelayMs;
    private static long offDelayMs;

    // The job runs in this virtual machine, so that it can be held back and watched without costs to it.
    private static volatile CountDownLatch waiting;
    private static volatile CountDownLatch start;
    private static volatile CountDownLatch finished;
    private static final List<String> FOUND = new ArrayList<>();

    /** A reading on its way; public fields and an empty constructor make it a Flink POJO. */
    public static final class Reading {
        public int point;
        public long timeMs;
        public double value;
    }

    /** State of one alarm; the heap backend keeps the object, and it is changed in place. */
    public static final class Alarm {
        public int phase;
        public long sinceMs;
        public long onsetMs;
    }

    /** The source's number becomes the reading of that place; one object serves all (object reuse is on). */
    public static final class Read extends RichMapFunction<Long, Reading> {
        private transient Reading reading;

        @Override
        public void open(OpenContext context) throws InterruptedException {
            reading = new Reading();
            waiting.countDown();
            start.await();
        }

        @Override
        public Reading map(Long number) {
            int place = (int) (long) number;
            reading.point = points[place];
            reading.timeMs = timesMs[place];
            reading.value = values[place];
            return reading;
        }
    }

    /** The rule. A delay is decided at the point's next reading, which costs less than a timer. */
    public static final class Judge extends KeyedProcessFunction<Integer, Reading, Long> {
        private transient ValueState<Alarm> state;
        private transient long left;

        @Override
        public void open(OpenContext context) {
            state = getRuntimeContext().getState(new ValueStateDescriptor<>("alarm", Alarm.class));
            left = points.length;
        }

        @Override
        public void processElement(Reading reading, Context context, Collector<Long> out) throws IOException {
            Alarm alarm = state.value();
            if (alarm == null && reading.value >= high) {
                alarm = new Alarm();
                state.update(alarm);
            }
            if (alarm != null) {
                take(alarm, reading);
            }
            if (--left == 0) {
                finished.countDown();
            }
        }

        private static void take(Alarm alarm, Reading reading) {
            long now = reading.timeMs;
            if (alarm.phase == PENDING && alarm.sinceMs + onDelayMs <= now) {
                alarm.phase = ACTIVE;
                tell(alarm.sinceMs + onDelayMs, reading.point, RAISE, alarm.onsetMs);
            } else if (alarm.phase == CLEARING && alarm.sinceMs + offDelayMs <= now) {
                alarm.phase = NORMAL;
                tell(alarm.sinceMs + offDelayMs, reading.point, CLEAR, alarm.onsetMs);
            }
            if (reading.value >= high) {
                if (alarm.phase == NORMAL) {
                    alarm.phase = PENDING;
                    alarm.sinceMs = now;
                    alarm.onsetMs = now;
                } else if (alarm.phase == CLEARING) {
                    alarm.phase = ACTIVE;
                }
            } else if (reading.value < high - deadband) {
                if (alarm.phase == PENDING) {
                    alarm.phase = NORMAL;
                } else if (alarm.phase == ACTIVE) {
                    alarm.phase = CLEARING;
                    alarm.sinceMs = now;
                }
            }
        }

        private static void tell(long atMs, int point, int kind, long onsetMs) {
            FOUND.add(atMs + " " + point + " " + kind + " " + onsetMs);
        }
    }

    private static ByteBuffer column(String folder, String name) throws IOException {
        return ByteBuffer.wrap(Files.readAllBytes(Path.of(folder, name + ".bin"))).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void load(String folder) throws IOException {
        ByteBuffer column = column(folder, "point");
        points = new int[column.remaining() / Integer.BYTES];
        column.asIntBuffer().get(points);
        timesMs = new long[points.length];
        column(folder, "time_ms").asLongBuffer().get(timesMs);
        values = new double[points.length];
        column(folder, "value").asDoubleBuffer().get(values);
    }

    private static JobClient submit(boolean chained) throws Exception {
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(1, new Configuration());
        environment.getConfig().enableObjectReuse();
        environment.setBufferTimeout(100);
        KeySelector<Reading, Integer> key = reading -> reading.point;
        DataStream<Reading> readings =
                environment.fromSequence(0, points.length - 1).map(new Read()).returns(Reading.class);
        KeyedStream<Reading, Integer> keyed =
                chained ? DataStreamUtils.reinterpretAsKeyedStream(readings, key) : readings.keyBy(key);
        keyed.process(new Judge()).sinkTo(new DiscardingSink<>());
        return environment.executeAsync("alarms");
    }

    public static void main(String[] arguments) throws Exception {
        load(arguments[0]);
        boolean chained = arguments[1].equals("chained");
        high = Double.parseDouble(arguments[2]);
        deadband = Double.parseDouble(arguments[3]);
        onDelayMs = Long.parseLong(arguments[4]);
        offDelayMs = Long.parseLong(arguments[5]);
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
        JobClient job = null;
        for (String command = commands.readLine(); command != null; command = commands.readLine()) {
            if (command.equals("begin")) {
                FOUND.clear();
                waiting = new CountDownLatch(1);
                start = new CountDownLatch(1);
                finished = new CountDownLatch(1);
                job = submit(chained);
                waiting.await();
                System.out.println("ready");
            } else if (command.equals("go")) {
                start.countDown();
                finished.await();
                System.out.println("done " + FOUND.size());
                FOUND.forEach(System.out::println);
                job.getJobExecutionResult().get();
            } else {
                break;
            }
        }
        System.exit(0);
    }
}
