//! The records of processes: written by renewals, read by those who look after the workers.

use std::sync::Arc;
use std::time::Duration;

use ltq_core::broker::{
    Ask, Broker, Description, KnownTasks, ProcessRecord, ProcessState, Recovery, Running, WorkerId,
};
use ltq_core::message::{MessageId, QueueName};

use super::{Hand, LONG, eventually, queue};

/// Long enough for a call, and three of it soon over.
const BRIEF: Duration = Duration::from_millis(400);

fn description(tasks: KnownTasks) -> Arc<Description> {
    Arc::new(Description {
        host: "machine".to_owned(),
        pid: 7,
        worker: "mail".to_owned(),
        version: "1.2.3".to_owned(),
        deployment: Some("blue".to_owned()),
        tasks,
    })
}

fn described() -> ProcessState {
    let description = Some(description(KnownTasks::These(vec![[1; 8], [2, 0, 10, 13, 255, 0, 0, 9]])));
    ProcessState { busy: 0, running: Vec::new(), description }
}

fn running(count: usize) -> ProcessState {
    let one = |index: usize| Running {
        task: format!("app::task_{index}"),
        id: MessageId::new(),
        since_ms: 1_700_000_000_000,
        attempt: 3,
    };
    ProcessState { busy: u64::try_from(count).unwrap(), running: (0..count).map(one).collect(), description: None }
}

async fn records(broker: &Arc<dyn Broker>, queue: &QueueName) -> Vec<ProcessRecord> {
    broker.process_records(queue).await.unwrap()
}

/// The first renewal describes the process, the others say what it runs; what is read back is what was told. A renewal that
/// finds no record asks for the description.
pub async fn a_renewal_writes_the_record(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let mut worker = Hand::new(&broker, &queue, LONG);
    worker.take(0).await;
    let renew = async |state: &ProcessState| broker.renew_with(&queue, &worker.id, LONG, Some(state)).await.unwrap();
    assert_eq!(records(&broker, &queue).await, []);
    let two = running(2);
    assert!(renew(&two).await.describe);
    assert_eq!(records(&broker, &queue).await, []);

    let state = described();
    let renewal = renew(&state).await;
    assert!(renewal.held && !renewal.describe && renewal.ask.is_none(), "{renewal:?}");
    let first = records(&broker, &queue).await.remove(0);
    assert_eq!(first.process, worker.id.process());
    assert_eq!(Some(&first.description), state.description.as_ref());
    assert!(first.started_at_ms > 0);
    assert_eq!((first.busy, first.running.len()), (0, 0));

    assert!(!renew(&two).await.describe);
    let second = records(&broker, &queue).await.remove(0);
    assert_eq!((second.busy, &second.running), (2, &two.running));
    assert_eq!((&second.description, second.started_at_ms), (&first.description, first.started_at_ms));

    let many = running(ProcessState::MAX_RUNNING + 20);
    renew(&many).await;
    let third = records(&broker, &queue).await.remove(0);
    assert_eq!((third.busy, &third.running[..]), (120, &many.running[..ProcessState::MAX_RUNNING]));
    let any = ProcessState { description: Some(description(KnownTasks::Any)), ..ProcessState::default() };
    renew(&any).await;
    let fourth = records(&broker, &queue).await.remove(0);
    assert_eq!((fourth.description.tasks.clone(), fourth.busy), (KnownTasks::Any, 0));

    broker.renew(&queue, &worker.id, LONG).await.unwrap();
    assert_eq!(records(&broker, &queue).await, [fourth]);
}

/// A worker that leaves takes its record along, and no other's.
pub async fn the_record_goes_when_the_worker_leaves(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let (mut leaves, mut stays) = (Hand::new(&broker, &queue, LONG), Hand::new(&broker, &queue, LONG));
    for worker in [&mut leaves, &mut stays] {
        worker.take(0).await;
        broker.renew_with(&queue, &worker.id, LONG, Some(&described())).await.unwrap();
    }
    let mut both = [leaves.id.process(), stays.id.process()];
    both.sort();
    let found: Vec<_> = records(&broker, &queue).await.into_iter().map(|record| record.process).collect();
    assert_eq!(found, both);
    broker.recover(&queue, &leaves.id, Recovery::Leaving).await.unwrap();
    let found: Vec<_> = records(&broker, &queue).await.into_iter().map(|record| record.process).collect();
    assert_eq!(found, [stays.id.process()]);
    let again = broker.renew_with(&queue, &leaves.id, LONG, Some(&described())).await.unwrap();
    assert!(!again.held && !again.describe);
    assert!(!broker.ask_process(&queue, &leaves.id.process(), Ask::Stop).await.unwrap());
}

/// A record ends three leases after the renewal that wrote it, also while its worker is still registered.
pub async fn the_record_goes_after_three_leases(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let mut worker = Hand::new(&broker, &queue, LONG);
    worker.take(0).await;
    broker.renew_with(&queue, &worker.id, BRIEF, Some(&described())).await.unwrap();
    assert_eq!(records(&broker, &queue).await.len(), 1);
    eventually(|| async { records(&broker, &queue).await.is_empty().then_some(()) }).await;
    assert!(broker.renew_with(&queue, &worker.id, LONG, Some(&running(1))).await.unwrap().describe);
}

/// What a process is asked to do stands in its record, and each renewal tells it.
pub async fn what_is_asked_is_told_by_the_renewal(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    let mut worker = Hand::new(&broker, &queue, LONG);
    worker.take(0).await;
    let process = worker.id.process();
    assert!(!broker.ask_process(&queue, &process, Ask::Quiet).await.unwrap(), "there is no record yet");
    broker.renew_with(&queue, &worker.id, LONG, Some(&described())).await.unwrap();
    for ask in [Ask::Quiet, Ask::Stop] {
        assert!(broker.ask_process(&queue, &process, ask).await.unwrap());
        for state in [running(1), described()] {
            let renewal = broker.renew_with(&queue, &worker.id, LONG, Some(&state)).await.unwrap();
            assert_eq!(renewal.ask, Some(ask));
        }
        assert_eq!(records(&broker, &queue).await[0].ask, Some(ask));
    }
}

/// A renewal does not register, so it writes no record of a worker that is not registered.
pub async fn an_unregistered_worker_has_no_record(broker: Arc<dyn Broker>) {
    let queue = queue("q");
    Hand::new(&broker, &queue, LONG).take(0).await;
    let renewal = broker.renew_with(&queue, &WorkerId::new(), LONG, Some(&described())).await.unwrap();
    assert!(!renewal.held && !renewal.describe);
    assert_eq!(records(&broker, &queue).await, []);
}
